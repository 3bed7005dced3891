"""What a chat request needs is read once; what cannot be routed is refused in the API's own words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api, Shape
from interlock_protocols.chat.request import parse_chat
from interlock_protocols.requests.bad_request import BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest

TEXT = {"role": "user", "content": "hi"}
IMAGE = {"role": "user", "content": [{"type": "text"}, {"type": "image_url", "image_url": {"url": "data:,"}}]}
SOUND = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "fast", "messages": [TEXT]} | fields).encode()


def parsed(**fields: Any) -> InferenceRequest:
    request = parse_chat(body(**fields))
    assert isinstance(request, InferenceRequest)
    return request


def refused(raw: bytes) -> BadRequest:
    refusal = parse_chat(raw)
    assert isinstance(refusal, BadRequest)
    assert refusal.status == 400
    return refusal


def test_a_plain_request_is_text_without_needs():
    request = parsed()
    assert (request.model, request.stream) == ("fast", False)
    assert request.traits.api is Api.CHAT
    assert request.traits.shape is Shape.TEXT
    assert request.traits.needs == ()
    assert request.traits.context_tokens is None


@pytest.mark.parametrize(
    ("fields", "shape", "needs"),
    [
        ({"tools": TOOLS}, Shape.TOOLS, ("tools",)),
        ({"functions": [{"name": "f"}]}, Shape.TOOLS, ("tools",)),
        ({"tools": []}, Shape.TEXT, ()),
        ({"tools": None}, Shape.TEXT, ()),
        ({"messages": [TEXT, IMAGE]}, Shape.VISION, ("vision",)),
        ({"messages": [{"role": "user", "content": [{"type": "input_image"}]}]}, Shape.VISION, ("vision",)),
        ({"messages": [IMAGE], "tools": TOOLS}, Shape.TOOLS_VISION, ("tools", "vision")),
        ({"messages": [SOUND]}, Shape.TEXT, ("audio",)),
        ({"modalities": ["text", "audio"]}, Shape.TEXT, ("audio",)),
        ({"modalities": ["text"]}, Shape.TEXT, ()),
        ({"response_format": {"type": "json_schema"}}, Shape.TEXT, ("json_schema",)),
        ({"response_format": {"type": "json_object"}}, Shape.TEXT, ()),
        ({"response_format": "text"}, Shape.TEXT, ()),
        (
            {"messages": [IMAGE, SOUND], "tools": TOOLS, "response_format": {"type": "json_schema"}},
            Shape.TOOLS_VISION,
            ("audio", "json_schema", "tools", "vision"),
        ),
    ],
)
def test_traits_name_what_a_target_must_be_able_to_do(fields, shape, needs):
    traits = parsed(**fields).traits
    assert (traits.shape, traits.needs) == (shape, needs)


@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_stream_is_read_and_null_counts_as_absent(stream, expected):
    request = parsed(stream=stream)
    assert request.stream is expected
    assert request.traits.stream is expected


@pytest.mark.parametrize("content", ["image_url", [{"type": ["image_url"]}], ["image_url"], [None], 5, None])
def test_odd_content_is_the_upstreams_to_refuse(content):
    assert parsed(messages=[{"role": "user", "content": content}, "odd", None]).traits.shape is Shape.TEXT


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"model":"m"', b'{"model":"\xff\xfe"}', b"[]", b'"model"', b"null", b"\xef\xbb\xbf{}"],
)
def test_what_is_no_json_object_is_refused(raw):
    assert refused(raw).code is BadRequestCode.INVALID_JSON


@pytest.mark.parametrize(
    ("raw", "code", "param", "message"),
    [
        (b'{"messages":[]}', "missing_required_parameter", "model", "you must provide a model parameter"),
        (
            b'{"model":"","messages":[]}',
            "missing_required_parameter",
            "model",
            "you must provide a model parameter",
        ),
        (
            b'{"model":null,"messages":[]}',
            "missing_required_parameter",
            "model",
            "you must provide a model parameter",
        ),
        (
            b'{"model":7,"messages":[]}',
            "invalid_type",
            "model",
            "Invalid type for 'model': expected a string, but got an integer instead.",
        ),
        (
            b'{"model":"m","stream":"true","messages":[]}',
            "invalid_type",
            "stream",
            "Invalid type for 'stream': expected a boolean, but got a string instead.",
        ),
        (
            b'{"model":"m","stream":1.5,"messages":[]}',
            "invalid_type",
            "stream",
            "Invalid type for 'stream': expected a boolean, but got a number instead.",
        ),
        (
            b'{"model":"m"}',
            "missing_required_parameter",
            "messages",
            "Missing required parameter: 'messages'.",
        ),
        (
            b'{"model":"m","messages":{}}',
            "invalid_type",
            "messages",
            "Invalid type for 'messages': expected an array of objects, but got an object instead.",
        ),
    ],
)
def test_a_refusal_names_the_parameter(raw, code, param, message):
    refusal = refused(raw)
    assert (refusal.code.value, refusal.param, refusal.message) == (code, param, message)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: json.dumps({"model": text}).encode()))
def test_any_bytes_give_a_request_or_a_refusal(raw):
    assert isinstance(parse_chat(raw), InferenceRequest | BadRequest)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["tools", "messages", "stream", "response_format", "modalities"]), json_values
    )
)
def test_fields_of_any_type_raise_nothing(fields):
    assert isinstance(parse_chat(body(**fields)), InferenceRequest | BadRequest)
