"""What a Responses request needs is read once; what cannot be routed is refused in the API's own words."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api, Shape
from interlock_protocols.requests.bad_request import BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.responses import request as responses
from interlock_protocols.responses.request import parse_responses
from interlock_protocols.splice.model_name import with_model

TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
IMAGE = {"role": "user", "content": [{"type": "input_text"}, {"type": "input_image", "image_url": "data:,"}]}
SOUND = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
CALLED = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}
CUSTOM = CALLED | {"type": "custom_tool_call_output"}
SCREEN = {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}
TOOLS = [{"type": "function", "name": "f"}]
SCHEMA = {"format": {"type": "json_schema", "name": "n", "schema": {}}}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "fast", "input": "hi"} | fields).encode()


def parsed(**fields: Any) -> InferenceRequest:
    request = parse_responses(body(**fields))
    assert isinstance(request, InferenceRequest)
    return request


def refused(raw: bytes) -> BadRequest:
    refusal = parse_responses(raw)
    assert isinstance(refusal, BadRequest)
    assert refusal.status == 400
    return refusal


def test_a_plain_request_is_text_without_needs() -> None:
    request = parsed()
    assert (request.model, request.stream) == ("fast", False)
    assert request.traits.api is Api.RESPONSES
    assert request.traits.shape is Shape.TEXT
    assert request.traits.needs == ()


@pytest.mark.parametrize(
    ("fields", "shape", "needs"),
    [
        ({"input": [TEXT]}, Shape.TEXT, ()),
        ({"tools": TOOLS}, Shape.TOOLS, ("tools",)),
        ({"tools": []}, Shape.TEXT, ()),
        ({"tools": None}, Shape.TEXT, ()),
        ({"input": [TEXT, IMAGE]}, Shape.VISION, ("vision",)),
        ({"input": [TEXT, CALLED]}, Shape.VISION, ("vision",)),
        ({"input": [CUSTOM]}, Shape.VISION, ("vision",)),
        ({"input": [SCREEN]}, Shape.VISION, ("vision",)),
        ({"input": [{"type": "input_image"}]}, Shape.VISION, ("vision",)),
        ({"input": [CALLED | {"output": "input_image"}]}, Shape.TEXT, ()),
        ({"input": [IMAGE], "tools": TOOLS}, Shape.TOOLS_VISION, ("tools", "vision")),
        ({"input": [SOUND]}, Shape.TEXT, ("audio",)),
        ({"text": SCHEMA}, Shape.TEXT, ("json_schema",)),
        ({"text": {"format": {"type": "json_object"}}}, Shape.TEXT, ()),
        ({"text": {"verbosity": "low"}}, Shape.TEXT, ()),
        ({"text": "json_schema"}, Shape.TEXT, ()),
        (
            {"input": [IMAGE, SOUND], "tools": TOOLS, "text": SCHEMA},
            Shape.TOOLS_VISION,
            ("audio", "json_schema", "tools", "vision"),
        ),
    ],
)
def test_traits_name_what_a_target_must_be_able_to_do(fields, shape, needs) -> None:
    for extra in ({}, {"max_output_tokens": 7}):
        traits = parsed(**fields, **extra).traits
        assert (traits.shape, traits.needs) == (shape, needs)


@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_stream_is_read_and_null_counts_as_absent(stream, expected) -> None:
    request = parsed(stream=stream)
    assert request.stream is expected
    assert request.traits.stream is expected


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"m"}',
        b'{"model":"m","prompt":{"id":"pmpt_1"}}',
        b'{"model":"m","input":null,"previous_response_id":"resp_1"}',
        b'{"model":"m","input":7}',
        b'{"model":"m","input":{"type":"input_image"}}',
        b'{"model":"m","input":["input_image",null,{"type":["input_image"]},{"content":7}]}',
    ],
)
def test_what_is_wrong_with_the_input_is_the_upstreams_to_say(raw) -> None:
    request = parse_responses(raw)
    assert isinstance(request, InferenceRequest)
    assert request.traits.shape is Shape.TEXT


def test_only_the_name_at_the_root_is_the_model() -> None:
    raw = b'{"input":[{"content":"x","model":"other"}],"model" : "fast"}'
    request = parse_responses(raw)
    assert isinstance(request, InferenceRequest)
    assert with_model(raw, request.model_span, "m") == raw.replace(b'"fast"', b'"m"')


@pytest.mark.parametrize("raw", [b"", b"{", b'{"model":"m"', b'{"model":"\xff"}', b"[]", b"null"])
def test_what_is_no_json_object_is_refused(raw) -> None:
    assert refused(raw).code is BadRequestCode.INVALID_JSON


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b'{"input":"hi"}', "missing_required_parameter", "model"),
        (b'{"model":"","input":"hi"}', "missing_required_parameter", "model"),
        (b'{"model":null,"prompt":{"id":"p"}}', "missing_required_parameter", "model"),
        (b'{"model":7,"input":"hi"}', "invalid_type", "model"),
        (b'{"model":"m","input":"hi","stream":"true"}', "invalid_type", "stream"),
    ],
)
def test_a_refusal_names_the_parameter(raw, code, param) -> None:
    refusal = refused(raw)
    assert (refusal.code.value, refusal.param) == (code, param)


_WORD = st.sampled_from(["", "m", "ü", "model", "input_image", "input_audio", "json_schema", "message"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _WORD,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORD, inner, max_size=2),
    max_leaves=4,
)
_PART = st.fixed_dictionaries({}, optional={"type": _WORD | _JSON, "text": _WORD})
_ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": _WORD | _JSON,
        "content": _WORD | st.lists(_PART, max_size=2) | _JSON,
        "output": _WORD | st.lists(_PART, max_size=2) | _PART | _JSON,
    },
)
_REQUEST = st.fixed_dictionaries(
    {"model": st.just("m") | st.just("m") | _JSON},
    optional={
        "input": _WORD | st.lists(_ITEM, max_size=3) | _JSON,
        "stream": st.booleans() | st.none() | _JSON,
        "tools": st.none() | st.lists(_JSON, max_size=1) | _JSON,
        "text": st.just({"format": {"type": "json_schema"}})
        | st.fixed_dictionaries({}, optional={"format": _PART | _JSON})
        | _JSON,
        "prompt": _JSON,
    },
)


@given(_REQUEST, st.integers(1, 400))
def test_the_quick_reading_and_the_full_one_say_the_same(request_, at) -> None:
    raw = orjson.dumps(request_)
    if at % 11 == 0:
        raw = raw[: at % (len(raw) + 1)]
    elif at % 13 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert parse_responses(raw) == responses._parse_any(raw)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_refusal(raw) -> None:
    assert isinstance(parse_responses(raw), InferenceRequest | BadRequest)


def test_a_usual_request_takes_the_quick_way() -> None:
    plain = responses._decode_usual(body(input=[TEXT, CALLED, SCREEN], tools=TOOLS, text=SCHEMA, stream=True))
    assert plain.stream
    assert plain.tools
