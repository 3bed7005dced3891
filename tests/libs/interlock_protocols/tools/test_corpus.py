"""Tools as vendors, MCP servers and generators write them: valid ones pass untouched, broken ones are mended.

Each case is asserted against the metaschema of draft 2020-12 and against what upstreams ask beyond it.
"""

import pytest

from interlock_protocols.chat.request import parse_chat
from interlock_protocols.messages.request import parse_messages
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.responses.request import parse_responses
from interlock_protocols.splice.spans import elements, member, top_member
from interlock_protocols.tools.rules import LEFT_ALONE, RULES, SPARED_IN_MESSAGES, Repair
from tests.libs.interlock_protocols.tools.corpus import (
    Case,
    against_draft_2020_12,
    against_the_rules,
    cases,
    families,
    read,
)

ALL = [(family, case) for family in families() for case in cases(family)]
VALID = [pytest.param(case, id=f"{family}-{case.name}") for family, case in ALL if not case.repairs]
BROKEN = [pytest.param(case, id=f"{family}-{case.name}") for family, case in ALL if case.repairs]
ODD = {case.name for case in cases("left_alone")} | {"union_root"}
"""Valid, and refused by somebody all the same: `schema_rules.LEFT_ALONE` says why they pass."""

BEGIN = (
    b'{"model" : "chat", "messages":[ {"role":"user","content":"hi"} ],"input":"hi", "n": 1.0,\n "tools":['
)
END = b' ],"x":123456789012345678901234567890, "messages2":"\\u00e9" }'
PLAIN = b'{"type":"function","function":{"name":"a"},"name":"a"} ,'


def chat(schema: bytes) -> bytes:
    tool = b'{"function": {"name":"f", "parameters": %b, "strict" : false}, "type":"function" }' % schema
    return BEGIN + PLAIN + tool + END


def responses(schema: bytes) -> bytes:
    return BEGIN + PLAIN + b'{"type":"function","name":"f","parameters":%b ,"strict":null}' % schema + END


def messages(schema: bytes) -> bytes:
    return (
        BEGIN
        + PLAIN
        + b'{"name":"f","input_schema" : %b,"cache_control":{"type":"ephemeral"}}' % schema
        + END
    )


def sent(body: bytes, *path: str) -> bytes:
    """The schema of the second tool."""
    field = top_member(body, "tools")
    assert field is not None
    place = list(elements(body, field[0]))[1]
    for name in path:
        inner = member(body, place[0], name)
        assert inner is not None
        place = inner
    return body[place[0] : place[1]]


def test_the_corpus_is_large_and_of_every_origin():
    assert len(VALID) >= 150
    assert len(BROKEN) >= 60
    assert set(families()) >= {"openai", "anthropic", "pydantic", "zod", "mcp_git", "mcp_github", "broken"}


def test_every_repair_has_a_row_with_a_source_and_a_case():
    assert set(RULES) == set(Repair)
    assert all(rule.found and rule.becomes and rule.sources for rule in RULES.values())
    assert {name for _, case in ALL for name in case.repairs} == {str(repair) for repair in Repair}
    assert all(one.found and one.why for one in LEFT_ALONE)


@pytest.mark.parametrize("case", VALID)
def test_a_valid_schema_is_not_even_copied(case: Case):
    for parse, body in (
        (parse_chat, chat(case.text)),
        (parse_responses, responses(case.text)),
        (parse_messages, messages(case.text)),
    ):
        request = parse(body)
        assert isinstance(request, InferenceRequest)
        assert request.body is body
        assert request.repairs == frozenset()


@pytest.mark.parametrize("case", VALID)
def test_what_passes_is_what_upstreams_take(case: Case):
    if case.name in ODD:
        return
    schema = read(case.text)
    against_draft_2020_12(schema)
    assert [found for found in against_the_rules(schema) if "root has no properties" not in found] == []


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_schema_is_mended_and_nothing_else_is_touched(case: Case):
    for parse, wrapped, path in (
        (parse_chat, chat, ("function", "parameters")),
        (parse_responses, responses, ("parameters",)),
    ):
        body = wrapped(case.text)
        request = parse(body)
        assert isinstance(request, InferenceRequest)
        assert request.repairs == set(case.repairs)
        mended = sent(request.body, *path)
        assert request.body == wrapped(mended)
        assert request.body[slice(*request.model_span)] == b'"chat"'
        against_draft_2020_12(read(mended))
        assert against_the_rules(read(mended)) == []
        again = parse(request.body)
        assert isinstance(again, InferenceRequest)
        assert again.body is request.body


@pytest.mark.parametrize("case", BROKEN)
def test_of_messages_only_what_somebody_there_refuses_is_mended(case: Case):
    body = messages(case.text)
    request = parse_messages(body)
    assert isinstance(request, InferenceRequest)
    wanted = set(case.repairs) - SPARED_IN_MESSAGES
    assert request.repairs == wanted
    if not wanted:
        assert request.body is body
        return
    mended = sent(request.body, "input_schema")
    assert request.body == messages(mended)
    against_draft_2020_12(read(mended))
    spared = ("no properties", "without items", "to require")
    assert [one for one in against_the_rules(read(mended)) if not any(word in one for word in spared)] == []


def test_numbers_text_and_order_of_a_mended_schema_stay_as_they_were():
    case = next(case for case in cases("broken") if case.name == "exact_numbers")
    request = parse_chat(chat(case.text))
    assert isinstance(request, InferenceRequest)
    mended = sent(request.body, "function", "parameters")
    assert mended == (
        b'{"type":"object","x-big":123456789012345678901234567890,"x-float":1.0,"x-huge":1e400,"x-minus":-0,'
        b'"x-exp":1E+2,"default":{"n":0.10,"text":"caf\xc3\xa9 \xf0\x9f\x98\x80 \\"q\\" \\\\ \\u0001"},'
        b'"x-order":{"z":1,"a":2},"properties":{}}'
    )
