"""A 200 is a list of embeddings only when each item has one; its numbers are not read."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.embeddings import answer as embeddings_unary
from interlock_protocols.embeddings.answer import check_embeddings
from interlock_protocols.failures.failed_answer import FailedAnswer

JSON = b"application/json"


def item(embedding: Any, index: int = 0) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": embedding}


FLOATS = item([-0.0069, 1e-05, 3, 0.5])
BASE64 = item("AACAPwAAAEA=", 1)


def body(*, indent: int | None = None, **fields: Any) -> bytes:
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    answer = {"object": "list", "data": [FLOATS, BASE64], "model": "e-1", "usage": usage}
    return json.dumps(answer | fields, indent=indent).encode()


def failed(raw: bytes) -> FailedAnswer:
    judged = check_embeddings(200, JSON, raw)
    assert isinstance(judged, FailedAnswer)
    return judged


@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_gives_usage_and_model(indent):
    judged = check_embeddings(200, JSON, body(indent=indent))
    assert judged == Answered(usage=(8, None), model="e-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"data": [item([0, None])]},
        {"data": [item([10**30])]},
        {"data": [{"embedding": [1]}], "object": None, "usage": None, "model": None},
        {"object": "embeddings", "type": "embeddings", "error": {}},
        {"usage": {"total_tokens": 8}},
        {"usage": {"prompt_tokens": 1 << 60}},
    ],
)
def test_every_spelling_of_an_answer_is_one(fields):
    assert isinstance(check_embeddings(200, JSON, body(**fields)), Answered)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b'{"error":{"message":"m","code":429}}', FailureClass.RATE_LIMIT),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', FailureClass.RATE_LIMIT),
        (b'{"object":"error","message":"m","type":"rate_limited"}', FailureClass.RATE_LIMIT),
        (body(error={"code": 502, "message": "m"}), FailureClass.DISCONNECT),
        (body(object="error"), FailureClass.SERVER_ERROR),
        (body(type="error"), FailureClass.SERVER_ERROR),
        (body(choices=[{"error": {"code": 502}}]), FailureClass.DISCONNECT),
    ],
)
def test_an_error_inside_a_200_is_a_failure(raw, failure):
    assert failed(raw).failure is failure


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"),
        (b"<p>", "not_json"),
        (body()[:-20], "not_json"),
        (body().replace(b"-0.0069", b"NaN"), "not_json"),
        (body().replace(b"1e-05", b"NaN"), "not_json"),
        (body().replace(b"1e-05", b"-"), "not_json"),
        (body().replace(b"1e-05", b'"\xff"'), "not_json"),
        (b"{}", "no_embeddings"),
        (b"null", "no_embeddings"),
        (b"[[0.1]]", "no_embeddings"),
        (body(data=[]), "no_embeddings"),
        (body(data=None), "no_embeddings"),
        (body(data={"embedding": [1]}), "no_embeddings"),
        (body(data=[FLOATS, item(None)]), "no_embeddings"),
        (body(data=[FLOATS, item([])]), "no_embeddings"),
        (body(data=[FLOATS, item("")]), "no_embeddings"),
        (body(data=[FLOATS, item([None, None])]), "no_embeddings"),
        (body(data=[FLOATS, item([[0.1], [0.2]])]), "no_embeddings"),
        (body(data=[FLOATS, item([True])]), "no_embeddings"),
        (body(data=[FLOATS, item({"0": 0.1})]), "no_embeddings"),
        (body(data=[FLOATS, item(5)]), "no_embeddings"),
        (body(data=[FLOATS, {"index": 1}]), "no_embeddings"),
        (body(data=[FLOATS, [0.1]]), "no_embeddings"),
    ],
)
def test_what_is_no_answer_is_malformed(raw, code):
    answer = failed(raw)
    assert (answer.failure, answer.code, answer.status) == (FailureClass.MALFORMED, code, 200)


@given(st.binary(max_size=100))
def test_any_bytes_are_judged(raw):
    assert isinstance(check_embeddings(200, JSON, raw), Answered | FailedAnswer)


_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=32) | st.just("ü"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["error", "code"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_EMBEDDING = st.lists(st.floats(-1, 1), max_size=3) | st.sampled_from(["", "AACAPw=="]) | _VALUE
_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "data": st.lists(st.fixed_dictionaries({}, optional={"embedding": _EMBEDDING}), max_size=3) | _VALUE,
        "usage": st.fixed_dictionaries({}, optional={"prompt_tokens": st.integers(-9, 2**60) | _VALUE})
        | _VALUE,
        "model": st.just("m") | _VALUE,
        "error": st.none() | _VALUE,
        "object": st.sampled_from(["list", "error", "other", 1, None]),
        "type": st.sampled_from(["error", "list", None]),
        "choices": st.none() | st.lists(st.dictionaries(st.just("error"), _VALUE), max_size=2),
    },
)


@given(_ANSWER, st.integers(1, 400))
def test_an_answer_is_judged_alike_quickly_and_in_full(answer, at):
    raw = orjson.dumps(answer)
    if at % 5 == 0:
        raw = raw[: at % (len(raw) + 1)]
    elif at % 7 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert check_embeddings(200, None, raw) == embeddings_unary._check_any(200, None, raw)


def test_a_usual_answer_takes_the_quick_way_and_makes_one_number_of_a_vector():
    plain = embeddings_unary._decode_plain(body())
    assert plain.data[0].embedding == embeddings_unary._Vector(-0.0069)
    with pytest.raises(DecodeError):
        embeddings_unary._decode_plain(body(error={"code": 429}))
