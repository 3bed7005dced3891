"""A legacy completions request is read for model and stream; its prompt is the upstream's business."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api, Shape
from interlock_protocols.completions import request as completions
from interlock_protocols.completions.request import parse_completion
from interlock_protocols.requests.bad_request import TOO_COMPLEX, BadRequest, BadRequestCode
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.splice.model_name import MAX_TOKENS, with_model


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "fast", "prompt": "Once"} | fields).encode()


def parsed(raw: bytes) -> InferenceRequest:
    request = parse_completion(raw)
    assert isinstance(request, InferenceRequest)
    return request


def refused(raw: bytes) -> BadRequest:
    refusal = parse_completion(raw)
    assert isinstance(refusal, BadRequest)
    assert refusal.status == 400
    return refusal


def test_a_request_is_text_without_needs():
    request = parsed(body())
    assert (request.model, request.stream) == ("fast", False)
    assert (request.traits.api, request.traits.shape) == (Api.COMPLETIONS, Shape.TEXT)
    assert (request.traits.needs, request.traits.context_tokens) == ((), None)


@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_stream_is_read_and_null_counts_as_absent(stream, expected):
    request = parsed(body(stream=stream))
    assert request.stream is expected
    assert request.traits.stream is expected


@pytest.mark.parametrize(
    "prompt", ["Once", ["Once", "Twice"], [1, 2, 3], [[1, 2], [3]], [], None, 5, {"text": "Once"}, [None]]
)
def test_every_form_of_a_prompt_passes_and_a_wrong_one_is_the_upstreams_to_name(prompt):
    assert parsed(body(prompt=prompt)).traits.shape is Shape.TEXT


def test_a_prompt_may_be_absent():
    assert parsed(b'{"model":"fast"}').model == "fast"


def test_the_model_can_be_replaced_where_it_stands():
    raw = b'{"prompt":"say \\"model\\": \\"x\\"", "model" : "fast","n":1.0}'
    expected = b'{"prompt":"say \\"model\\": \\"x\\"", "model" : "slow","n":1.0}'
    assert with_model(raw, parsed(raw).model_span, "slow") == expected


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"model":"m"', b'{"model":"m","prompt":"\xff"}', b"[]", b'"model"', b"null"]
)
def test_what_is_no_json_object_is_refused(raw):
    assert refused(raw).code is BadRequestCode.INVALID_JSON


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b'{"prompt":""}', "missing_required_parameter", "model"),
        (b'{"model":""}', "missing_required_parameter", "model"),
        (b'{"model":null}', "missing_required_parameter", "model"),
        (b'{"model":["m"]}', "invalid_type", "model"),
        (b'{"model":"m","stream":"true"}', "invalid_type", "stream"),
        (b'{"model":"m","stream":1}', "invalid_type", "stream"),
    ],
)
def test_a_refusal_names_the_parameter(raw, code, param):
    refusal = refused(raw)
    assert (refusal.code.value, refusal.param) == (code, param)


@pytest.mark.parametrize("stream", [b"false", b"null"])
def test_a_body_made_to_keep_the_gateway_busy_is_refused(stream):
    values = b"[" + b"{}," * (MAX_TOKENS // 2) + b"{}]"
    raw = b'{"a":"\\"model\\"","x":{"model":1},"prompt":%b,"stream":%b,"model":"m","y":{"model":1}}' % (
        values,
        stream,
    )
    assert parse_completion(raw) == TOO_COMPLEX


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_refusal(raw):
    assert isinstance(parse_completion(raw), InferenceRequest | BadRequest)


_TEXT = st.sampled_from(["", "m", "a/b", "ü", "\\", 'quote"', "model"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=32) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "model": _TEXT | _JSON,
        "prompt": _TEXT | _JSON,
        "stream": st.booleans() | st.none() | _JSON,
        "extra": _JSON,
    },
)


def _damaged(raw: bytes, at: int) -> bytes:
    """The body, sometimes cut short, or with a byte that is no UTF-8 in it."""
    if at % 5 == 0:
        return raw[: at % (len(raw) + 1)]
    return raw.replace(b'"', b'"\xff', 1) if at % 7 == 0 else raw


@given(_REQUEST, st.integers(1, 400))
def test_a_request_is_read_alike_quickly_and_in_full(request_, at):
    raw = _damaged(orjson.dumps(request_), at)
    assert parse_completion(raw) == completions._parse_any(raw)


def test_a_usual_request_takes_the_quick_way():
    assert completions._decode_usual(body(prompt=[1, 2, 3], stream=True)).stream
