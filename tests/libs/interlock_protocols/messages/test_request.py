"""What an Anthropic request needs is read once; what cannot be routed is refused in that API's own words."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api, Shape
from interlock_protocols.messages import request as messages
from interlock_protocols.messages.request import parse_count, parse_messages
from interlock_protocols.requests.bad_request import BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.splice.model_name import with_model

TEXT = {"role": "user", "content": "hi"}
TOOLS = [{"name": "read", "input_schema": {"type": "object"}}]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ""}}
PAGES = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}, IMAGE]}}
FORMAT = {"type": "json_schema", "schema": {}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def result(content: Any) -> dict[str, Any]:
    return user({"type": "tool_result", "tool_use_id": "t", "content": content})


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "fast", "max_tokens": 9, "messages": [TEXT]} | fields).encode()


def parsed(**fields: Any) -> InferenceRequest:
    request = parse_messages(body(**fields))
    assert isinstance(request, InferenceRequest)
    return request


def test_a_plain_request_is_text_without_needs():
    request = parsed()
    assert (request.model, request.stream) == ("fast", False)
    assert request.traits.api is Api.MESSAGES
    assert request.traits.shape is Shape.TEXT
    assert request.traits.needs == ()


@pytest.mark.parametrize(
    ("fields", "shape", "needs"),
    [
        ({"tools": TOOLS}, Shape.TOOLS, ("tools",)),
        ({"tools": []}, Shape.TEXT, ()),
        ({"tools": None}, Shape.TEXT, ()),
        ({"messages": [TEXT, user(IMAGE)]}, Shape.VISION, ("vision",)),
        ({"messages": [user(IMAGE)], "tools": TOOLS}, Shape.TOOLS_VISION, ("tools", "vision")),
        ({"messages": [result([{"type": "text", "text": "a"}, IMAGE])]}, Shape.VISION, ("vision",)),
        ({"messages": [result([PAGES])]}, Shape.VISION, ("vision",)),
        ({"messages": [user(PAGES)]}, Shape.VISION, ("vision",)),
        ({"messages": [user(PDF)]}, Shape.TEXT, ()),
        ({"messages": [result("image")]}, Shape.TEXT, ()),
        ({"messages": [user({"type": "search_result", "source": "image", "content": []})]}, Shape.TEXT, ()),
        ({"messages": [user({"type": "tool_use", "name": "f", "input": IMAGE})]}, Shape.TEXT, ()),
        ({"output_config": {"format": FORMAT, "effort": "low"}}, Shape.TEXT, ("json_schema",)),
        ({"output_config": {"effort": "low"}}, Shape.TEXT, ()),
        ({"output_config": {"format": None}}, Shape.TEXT, ()),
        ({"output_format": FORMAT}, Shape.TEXT, ("json_schema",)),
        ({"output_format": {"type": "text"}}, Shape.TEXT, ()),
        ({"thinking": {"type": "adaptive"}}, Shape.TEXT, ()),
        (
            {"messages": [user(IMAGE)], "tools": TOOLS, "output_format": FORMAT, "system": [IMAGE]},
            Shape.TOOLS_VISION,
            ("json_schema", "tools", "vision"),
        ),
    ],
)
def test_traits_name_what_a_target_must_be_able_to_do(fields, shape, needs):
    traits = parsed(**fields).traits
    assert (traits.shape, traits.needs) == (shape, needs)
    odd = parsed(
        **fields | {"messages": [*fields.get("messages", [TEXT]), None]}
    )  # only the full reading takes it
    assert odd.traits == traits


@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_stream_is_read_and_null_counts_as_absent(stream, expected):
    request = parsed(stream=stream)
    assert request.stream is expected
    assert request.traits.stream is expected


@pytest.mark.parametrize("stream", [True, False, None])
def test_a_count_is_never_a_stream_and_reads_the_rest_alike(stream):
    raw = body(stream=stream, tools=TOOLS)
    request = parse_count(raw)
    assert isinstance(request, InferenceRequest)
    assert (request.stream, request.traits.stream) == (False, False)
    assert request.traits == parsed(tools=TOOLS).traits
    assert parse_count(b"{}") == parse_messages(b"{}")


def test_the_model_can_be_changed_and_nothing_else():
    raw = b'{"messages":[{"content":[{"type":"text","text":"\\"model\\":\\"x\\""}]}], "model" : "a"}'
    request = parse_messages(raw)
    assert isinstance(request, InferenceRequest)
    assert with_model(raw, request.model_span, "b") == raw.replace(b'"a"', b'"b"')


@pytest.mark.parametrize(
    "content", [[{"type": ["image"]}], ["image"], [None], [[IMAGE, 5]], 5, None, {"a": 1}]
)
def test_odd_content_is_the_upstreams_to_refuse(content):
    request = parsed(messages=[{"role": "user", "content": content}, "odd", None])
    assert request.traits.shape is (Shape.VISION if content == [[IMAGE, 5]] else Shape.TEXT)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"model":"m"', b'{"model":"\xff\xfe"}', b"[]", b'"model"', b"null", b"\xef\xbb\xbf{}"],
)
def test_what_is_no_json_object_is_refused(raw):
    refusal = parse_messages(raw)
    assert isinstance(refusal, BadRequest)
    assert (refusal.code, refusal.status) == (BadRequestCode.INVALID_JSON, 400)


@pytest.mark.parametrize(
    ("raw", "code", "param", "message"),
    [
        (b'{"messages":[]}', "missing_required_parameter", "model", "model: Field required"),
        (b'{"model":null,"messages":[]}', "invalid_type", "model", "model: Input should be a valid string"),
        (b'{"model":7,"messages":[]}', "invalid_type", "model", "model: Input should be a valid string"),
        (
            b'{"model":"","messages":[]}',
            "missing_required_parameter",
            "model",
            "model: String should have at least 1 character",
        ),
        (b'{"model":"m"}', "missing_required_parameter", "messages", "messages: Field required"),
        (
            b'{"model":"m","messages":{}}',
            "invalid_type",
            "messages",
            "messages: Input should be a valid list",
        ),
        (
            b'{"model":"m","messages":null}',
            "invalid_type",
            "messages",
            "messages: Input should be a valid list",
        ),
        (
            b'{"model":"m","stream":"true","messages":[]}',
            "invalid_type",
            "stream",
            "stream: Input should be a valid boolean",
        ),
    ],
)
def test_a_refusal_names_the_parameter_in_the_words_of_the_api(raw, code, param, message):
    refusal = parse_messages(raw)
    assert isinstance(refusal, BadRequest)
    assert (refusal.code.value, refusal.param, refusal.message, refusal.status) == (code, param, message, 400)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_refusal(raw):
    assert isinstance(parse_messages(raw), InferenceRequest | BadRequest)


_TEXTS = st.sampled_from(["", "m", "a/b", "ü", "\\", 'quote"', "image", "json_schema", "content"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "content", "source", "format"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_BLOCK = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "image", "document"])}, optional={"text": _TEXTS}
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["tool_result", "document"])},
        optional={"content": st.lists(inner, max_size=2) | inner, "source": inner | _TEXTS},
    ),
    max_leaves=3,
)
_MESSAGE = st.fixed_dictionaries(
    {"content": _TEXTS | st.lists(_BLOCK, max_size=2) | _JSON}, optional={"role": _TEXTS}
)
_REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "model": _TEXTS | _JSON,
        "messages": st.lists(_MESSAGE, max_size=2) | _JSON,
        "stream": st.booleans() | st.none() | _JSON,
        "tools": st.none() | st.lists(st.just({"name": "f"}), max_size=1) | _JSON,
        "output_config": st.none() | st.just({"format": FORMAT}) | _JSON,
        "output_format": st.none() | st.just(FORMAT) | _JSON,
        "extra": _JSON,
    },
)


@given(_REQUEST, st.integers(1, 400))
def test_a_request_is_read_alike_by_both_readings(request_, at):
    raw = orjson.dumps({"model": "m", **request_} if at % 2 else request_)
    if at % 11 == 0:
        raw = raw[: at % (len(raw) + 1)]
    if at % 13 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert parse_messages(raw) == messages._parse_any(raw)


def test_a_usual_request_of_a_coding_agent_takes_the_quick_way():
    said = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}}],
    }
    fetched = {"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": PDF}}
    raw = body(
        messages=[TEXT, said, result([IMAGE]), {"role": "assistant", "content": [fetched]}],
        tools=TOOLS,
        system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
        stream=True,
        output_config={"effort": "high"},
        output_format=FORMAT,
        thinking={"type": "adaptive"},
    )
    assert messages._decode_usual(raw).stream
