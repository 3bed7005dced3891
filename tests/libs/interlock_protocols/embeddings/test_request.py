"""An embeddings request is read for its model, and that there is something to embed."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api, Shape
from interlock_protocols.embeddings import request as embeddings
from interlock_protocols.embeddings.request import parse_embeddings
from interlock_protocols.requests.bad_request import TOO_COMPLEX, BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.splice.model_name import MAX_TOKENS, with_model


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "embed", "input": "hello"} | fields).encode()


def parsed(raw: bytes) -> InferenceRequest:
    request = parse_embeddings(raw)
    assert isinstance(request, InferenceRequest)
    return request


def refused(raw: bytes) -> BadRequest:
    refusal = parse_embeddings(raw)
    assert isinstance(refusal, BadRequest)
    assert refusal.status == 400
    return refusal


def test_a_request_has_the_shape_of_its_own():
    request = parsed(body())
    assert (request.model, request.stream) == ("embed", False)
    assert (request.traits.api, request.traits.shape) == (Api.EMBEDDINGS, Shape.EMBEDDINGS)
    assert (request.traits.needs, request.traits.context_tokens) == ((), None)


@pytest.mark.parametrize(
    "value", ["", "hello", ["a", "b"], [1, 2], [[1], [2, 3]], [], 0, False, {}, [{"image": "data:,"}], "null"]
)
def test_every_form_of_an_input_passes_and_a_wrong_one_is_the_upstreams_to_name(value):
    assert parsed(body(input=value)).traits.shape is Shape.EMBEDDINGS


@pytest.mark.parametrize("stream", [True, False, None, "true", 1])
def test_an_answer_is_never_streamed(stream):
    request = parsed(body(stream=stream))
    assert (request.stream, request.traits.stream) == (False, False)


def test_the_model_can_be_replaced_where_it_stands():
    raw = b'{"input":["\\"model\\":\\"x\\""],"model":"embed"}'
    assert with_model(raw, parsed(raw).model_span, "e2") == raw.replace(b'"embed"', b'"e2"')


@pytest.mark.parametrize("raw", [b"", b"{", b'{"model":"m","input":"\xff"}', b"[]", b"null", b"5"])
def test_what_is_no_json_object_is_refused(raw):
    assert refused(raw).code is BadRequestCode.INVALID_JSON


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b'{"input":"a"}', "missing_required_parameter", "model"),
        (b'{"model":"","input":"a"}', "missing_required_parameter", "model"),
        (b'{"model":7,"input":"a"}', "invalid_type", "model"),
        (b'{"model":"m"}', "missing_required_parameter", "input"),
        (b'{"model":"m","input":null}', "missing_required_parameter", "input"),
        (b'{"model":"m","input":"a","input" : null }', "missing_required_parameter", "input"),
    ],
)
def test_a_refusal_names_the_parameter(raw, code, param):
    refusal = refused(raw)
    assert (refusal.code.value, refusal.param) == (code, param)


def test_a_body_made_to_keep_the_gateway_busy_is_refused():
    values = b"[" + b"{}," * (MAX_TOKENS // 2) + b"{}]"
    assert (
        parse_embeddings(b'{"x":{"model":1},"input":%b,"model":"m","y":{"model":1}}' % values) == TOO_COMPLEX
    )


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_refusal(raw):
    assert isinstance(parse_embeddings(raw), InferenceRequest | BadRequest)


_TEXT = st.sampled_from(["", "m", "a/b", "ü", "\\", 'quote"', "model", "null"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=32) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_REQUEST = st.fixed_dictionaries(
    {}, optional={"model": _TEXT | _JSON, "input": _TEXT | _JSON, "stream": _JSON, "extra": _JSON}
)


@given(_REQUEST, st.integers(1, 400))
def test_a_request_is_read_alike_quickly_and_in_full(request_, at):
    raw = orjson.dumps(request_)
    if at % 5 == 0:
        raw = raw[: at % (len(raw) + 1)]
    elif at % 7 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert parse_embeddings(raw) == embeddings._parse_any(raw)


def test_a_usual_request_takes_the_quick_way():
    assert embeddings._decode_usual(body(input=["a", "b"], dimensions=256)).model == "embed"
