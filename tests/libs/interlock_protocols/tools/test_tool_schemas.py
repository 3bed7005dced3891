"""Where schemas are looked for, what bounds the work, and what is remembered."""

import json
from typing import Any

import pytest

from interlock_protocols.chat.request import parse_chat
from interlock_protocols.messages.request import parse_count, parse_messages
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.responses.request import parse_responses
from interlock_protocols.tools.repair import MAX_DEPTH, MAX_SCHEMAS
from interlock_protocols.tools.rules import Repair
from interlock_protocols.tools.tool_schemas import MAX_BYTES, MAX_COMMAS

USER = [{"role": "user", "content": "hi"}]
ODD = [{"role": "user", "content": {"unusual": True}}, 5]
"""Messages that the quick reading does not know."""


def parsed(read, **fields) -> InferenceRequest:
    body = json.dumps({"model": "m", "messages": USER, "input": "hi"} | fields).encode()
    request = read(body)
    assert isinstance(request, InferenceRequest)
    assert (request.body is body) == (not request.repairs)
    return request


def function(parameters, **more) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters} | more}


@pytest.mark.parametrize("messages", [USER, ODD])
def test_chat_has_schemas_in_tools_and_in_the_functions_of_old(messages):
    fields = {"tools": [function(None)], "functions": [{"name": "g", "parameters": {"type": "object"}}]}
    request = parsed(parse_chat, messages=messages, **fields)
    sent = json.loads(request.body)
    assert sent["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert sent["functions"][0] == {"name": "g", "parameters": {"type": "object", "properties": {}}}
    assert request.repairs == {Repair.NO_SCHEMA, Repair.NO_PROPERTIES}
    assert request.traits.needs == ("tools",)


@pytest.mark.parametrize("stream", [True, None])
def test_messages_have_them_in_tools_without_a_type_and_so_has_the_count_of_tokens(stream):
    tools = [{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g", "input_schema": None}]
    for read in (parse_messages, parse_count):
        for messages in (USER, [{"role": "user", "content": None}]):
            request = parsed(read, tools=tools, stream=stream, messages=messages)
            sent = json.loads(request.body)["tools"]
            assert [tool["input_schema"] for tool in sent] == [
                {"type": "object"},
                {"type": "object", "properties": {}},
            ]


def test_responses_have_them_in_functions_only():
    tools = [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search", "parameters": None}]
    for more in ({}, {"text": 5}):
        sent = json.loads(parsed(parse_responses, tools=tools, **more).body)["tools"]
        assert sent[0]["parameters"] == {"type": "object", "properties": {}}
        assert sent[1] == tools[1]


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": None},
        {"type": "web_search_20250305", "name": "web_search", "input_schema": None},
        {"type": "function", "function": {"name": "f", "parameters": '{"type": "object"}'}},
        {"type": "function", "function": {"name": "f", "parameters": 5}},
        {"type": ["function"], "function": {"parameters": None}},
        "tool",
        None,
        [[None]],
    ],
)
def test_tools_of_another_kind_pass_as_they_are(tool):
    for read in (parse_chat, parse_responses, parse_messages):
        assert not parsed(read, tools=[tool]).repairs


def test_a_field_that_is_no_list_passes_as_it_is():
    for read in (parse_chat, parse_responses, parse_messages):
        assert not parsed(read, tools={"parameters": None}).repairs


def test_of_duplicates_the_last_counts_as_it_does_for_the_parser():
    body = (
        b'{"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"object"}}}],"model":"m",'
        b'"messages":[],"tools":[{"type":"function","function":{"parameters":1,"parameters":{"type":"object"}}}]}'
    )
    request = parse_chat(body)
    assert isinstance(request, InferenceRequest)
    at = body.rindex(b'{"type":"object"}')
    assert request.body == body[:at] + b'{"type":"object","properties":{}}' + body[at + 17 :]


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_schemas_as_deep_as_any_are_mended_and_deeper_ones_pass_as_they_are():
    assert parsed(parse_chat, tools=[function(nested(MAX_DEPTH))]).repairs == {Repair.MISSING_ITEMS}
    deep = [function(nested(MAX_DEPTH + 1)), function({"type": "object"})]
    request = parsed(parse_chat, tools=deep)
    assert request.repairs == {Repair.NO_PROPERTIES}
    assert json.loads(request.body)["tools"][0] == deep[0]


def test_a_schema_nested_ten_thousand_deep_harms_nobody():
    raw = b'{"type":"object","properties":{"a":' * 10_000 + b"true" + b"}}" * 10_000
    body = b'{"model":"m","messages":[],"tools":[{"type":"function","function":{"parameters":%b}}]}' % raw
    request = parse_chat(body)
    assert not isinstance(request, InferenceRequest) or request.body is body


def test_tools_above_the_bound_pass_as_they_are():
    large = function({"type": "object", "description": "x" * MAX_BYTES})
    assert not parsed(parse_chat, tools=[large]).repairs
    assert parsed(parse_chat, tools=[function({"type": "object", "description": "x" * 2_000_000})]).repairs


def test_more_schemas_than_are_looked_at_pass_as_they_are_with_all_other_tools():
    broken = function({"type": "object"})
    named = {f"{at:x}": {"type": "string"} for at in range(MAX_SCHEMAS)}
    many = {"type": "object", "properties": named}
    assert not parsed(parse_chat, tools=[broken, function(many)]).repairs
    for at in range(4):  # the broken one is looked at twice, and the root counts
        del named[f"{at:x}"]
    assert parsed(parse_chat, tools=[broken, function(many)]).repairs == {Repair.NO_PROPERTIES}


def test_more_values_than_are_read_pass_as_they_are():
    for commas, repaired in ((MAX_COMMAS - 2_000, True), (MAX_COMMAS + 2_000, False)):
        many = {"type": "object", "x-values": [0] * commas}
        assert bool(parsed(parse_chat, tools=[function(many)]).repairs) is repaired


def test_many_tools_are_told_apart_though_they_begin_and_end_alike():
    first = [function({"type": "object", "properties": {"a": {"type": "string"}}}) for _ in range(5)]
    second = [function({"type": "object", "properties": {"a": {"type": "strinG"}}}), *first[1:]]
    for _ in range(3):
        assert not parsed(parse_chat, tools=first).repairs
        assert parsed(parse_chat, tools=second).repairs == {Repair.TYPE_NAME}


def test_the_same_tools_in_another_api_are_other_tools():
    both = [{"type": "function", "parameters": {"type": "object"}, "function": {"parameters": None}}]
    assert parsed(parse_chat, tools=both).repairs == {Repair.NO_SCHEMA}
    assert parsed(parse_responses, tools=both).repairs == {Repair.NO_PROPERTIES}


def test_the_name_of_a_mended_body_can_still_be_changed():
    from interlock_protocols.splice.model_name import with_model

    body = b'{"tools":[{"type":"function","function":{"parameters":null}}],"messages":[],"model":"a"}'
    request = parse_chat(body)
    assert isinstance(request, InferenceRequest)
    changed = with_model(request.body, request.model_span, "b")
    mended = b'{"type":"object","properties":{}}'
    assert changed == body.replace(b"null", mended).replace(b'"a"', b'"b"')
