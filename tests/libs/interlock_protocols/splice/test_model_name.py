"""The model's name changes, and no other byte of a body does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.chat.request import parse_chat
from interlock_protocols.requests.bad_request import TOO_COMPLEX
from interlock_protocols.splice import model_name
from interlock_protocols.splice.model_name import model_span, with_model


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a"}',
        b'{ "model" : "a" , "messages": [] }',
        b'{"messages":[],"model"\n:\t"a"}',
        b'{"x":{"model":"b"},"model":"a"}',
        b'{"model":"a","x":{"model":"b"}}',
        b'{"model":"a","x":[{"model":"b"}]}',
        b'{"x":"model","model":"a"}',
        b'{"model":"b","model":"a"}',
        b'{"model":"model","model":"a"}',
        b'{"messages":["say \\"model\\":\\"b\\""],"model":"a"}',
        b'{"messages":["ends in \\"model"],"model":"a"}',
        b'{"mod\\u0065l":"a"}',
        b'{"mod\\u0065l":"a","x":{"model":"b"}}',
        b'{"model":"b","\\u006d\\u006F\\u0064el":"a"}',
        b'{"model":"\\u0061"}',
        b'{"x":"}{][","model":"a","y":"\\\\"}',
    ],
)
def test_only_the_top_level_name_changes_and_the_last_one_wins(body):
    span = model_span(body)
    assert span is not None
    assert json.loads(body[span[0] : span[1]]) == "a"
    changed = with_model(body, span, 'new "name"/é')
    assert changed == body[: span[0]] + b'"new \\"name\\"/\xc3\xa9"' + body[span[1] :]
    assert json.loads(changed)["model"] == 'new "name"/é'


LONG = b'"long":"' + b"x" * 5_000 + b'",'


@pytest.mark.parametrize(
    "body",
    [
        b'{%b"model":"a","tools":[{"model":"b"}]}',
        b'{"tools":[{"model":"b"}],%b"model":"a"}',
        b'{"x":{"model":"b"},%b"model":"a","y":{"model":"b"}}',
        b'{"model":"b",%b"model":"a"}',
        b'{"model":"b",%b"x":{"model":"c"},"model":"a"}',
        b'{"model":"b",%b"mod\\u0065l":"a"}',
        b'{"mod\\u0065l":"b",%b"model":"a"}',
        b'{"model":"b",%b"x":[{"model":5}],"mod\\u0065l":"a"}',
        b'{%b"x":"model","model"  :\n"\\u0061"}',
        b'{"x":{"model":{"model":"b"}},%b"model":"a","y":["model"]}',
    ],
)
def test_in_a_long_body_too_only_the_name_that_counts_is_found(body):
    body = body.replace(b"%b", LONG)
    span = model_span(body)
    assert span is not None
    assert json.loads(body[slice(*span)]) == "a"
    changed = with_model(body, span, "new")
    assert changed == body[: span[0]] + b'"new"' + body[span[1] :]
    assert json.loads(changed)["model"] == "new"


def test_a_body_that_has_the_name_already_is_not_copied():
    body = b'{"model":"a/b","n":1.0,"big":123456789012345678901234567890}'
    span = model_span(body)
    assert span is not None
    assert with_model(body, span, "a/b") is body


def test_a_body_of_a_million_values_beside_a_second_model_is_refused():
    nested = b"[]," * (model_name.MAX_TOKENS // 2 + 1)
    body = b'{"x":[' + nested + b'0],"y":{"model":"b"},"messages":[],"model":"a","z":{"model":"b"}}'
    assert model_span(body) is None
    assert parse_chat(body) is TOO_COMPLEX


def test_a_prompt_full_of_escapes_is_one_token():
    body = b'{"x":"' + b'\\n\\"' * 1_000_000 + b'","y":{"model":"b"},"model":"a"}'
    span = model_span(body)
    assert span is not None
    assert body[span[0] : span[1]] == b'"a"'


keys = st.sampled_from(["model", "x", 'mod"el', "model\\", "messages"]) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from(["model", '"model"', '{"model":"b"}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(keys, values, max_size=5),
    st.text(min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from(["", "x" * 5_000]),
    st.data(),
)
def test_changing_the_name_is_changing_that_one_value(fields, name, ascii_only, long, data):
    fields = fields | {"model": name, "long": long}
    order = data.draw(st.permutations(sorted(fields)))
    body = json.dumps({key: fields[key] for key in order}, ensure_ascii=ascii_only).encode()
    span = model_span(body)
    assert span is not None
    assert json.loads(with_model(body, span, "other")) == fields | {"model": "other"}
