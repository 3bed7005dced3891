"""A 200 is a legacy completion only when its choices have text."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.completions import answer as completions_unary
from interlock_protocols.completions.answer import check_completion
from interlock_protocols.failures.failed_answer import FailedAnswer

JSON = b"application/json"
SAID = {"index": 0, "text": " upon a time", "logprobs": None, "finish_reason": "stop"}


def body(**fields: Any) -> bytes:
    answer = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m-1", "choices": [SAID]}
    return json.dumps(answer | fields).encode()


def failed(raw: bytes, content_type: bytes | None = JSON) -> FailedAnswer:
    judged = check_completion(200, content_type, raw)
    assert isinstance(judged, FailedAnswer)
    return judged


def test_an_answer_gives_usage_and_model():
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert check_completion(200, JSON, body(usage=usage)) == Answered(usage=(3, 4), model="m-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"choices": [SAID | {"text": ""}]},
        {"choices": [SAID, SAID | {"index": 1, "text": '"error": {"code": 429}'}]},
        {"object": "text_completion.chunk"},
        {"object": None, "error": None, "usage": None, "model": None},
        {"error": {}},
        {"choices": [SAID | {"finish_reason": 7}]},
        {"model": "é"},
    ],
)
def test_every_spelling_of_an_answer_is_one(fields):
    assert isinstance(check_completion(200, JSON, body(**fields)), Answered)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b'{"error":{"message":"m","code":429}}', FailureClass.RATE_LIMIT),
        (b'{"error":"boom"}', FailureClass.SERVER_ERROR),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', FailureClass.RATE_LIMIT),
        (b'{"object":"error","message":"m","type":"rate_limited"}', FailureClass.RATE_LIMIT),
        (b'{"type":"error","error":{"type":"overloaded_error"}}', FailureClass.OVERLOAD),
        (body(error={"code": 502, "message": "m"}), FailureClass.DISCONNECT),
        (body(choices=[SAID | {"error": {"code": 503}}]), FailureClass.SERVER_ERROR),
        (body(choices=[SAID | {"finish_reason": "error"}]), FailureClass.SERVER_ERROR),
    ],
)
def test_an_error_inside_a_200_is_a_failure(raw, failure):
    assert failed(raw).failure is failure


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"),
        (b" \n", "empty_body"),
        (b"<!doctype html><title>Sign in</title>", "not_json"),
        (body()[:-20], "not_json"),
        (body().replace(b" upon", b"\xff"), "not_json"),
        (body().replace(b"cmpl-1", b"\xff"), "not_json"),
        (b"data: {}\n\n", "not_json"),
        (b"{}", "no_choices"),
        (b"null", "no_choices"),
        (b"[]", "no_choices"),
        (b"[5]", "no_choices"),
        (body(choices=[]), "no_choices"),
        (body(choices={"text": "x"}), "no_choices"),
        (body(choices=[{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]), "no_text"),
        (body(choices=[SAID | {"text": None}]), "no_text"),
        (body(choices=[SAID, None]), "no_text"),
        (body(choices=[SAID, {"index": 1}]), "no_text"),
    ],
)
def test_what_is_no_answer_is_malformed(raw, code):
    answer = failed(raw, b"text/html; charset=utf-8")
    assert (answer.failure, answer.code, answer.status) == (FailureClass.MALFORMED, code, 200)


def test_the_content_type_is_named_when_the_body_cannot_be_read():
    assert "text/html" in failed(b"<p>", b"text/html").message
    assert "unknown type" in failed(b"<p>", None).message


@given(st.binary(max_size=100))
def test_any_bytes_are_judged(raw):
    assert isinstance(check_completion(200, JSON, raw), Answered | FailedAnswer)


_JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=32) | st.just("ü"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["error", "code"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "text": st.just("x") | st.just("") | _JSON_VALUE,
        "finish_reason": st.sampled_from([None, "stop", "error", 3]),
        "error": st.none() | _JSON_VALUE,
    },
)
_USAGE = st.fixed_dictionaries(
    {}, optional={"prompt_tokens": st.integers(-9, 2**60) | _JSON_VALUE, "completion_tokens": _JSON_VALUE}
)
_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(_CHOICE, max_size=3) | _JSON_VALUE,
        "usage": _USAGE | _JSON_VALUE,
        "model": st.just("m") | _JSON_VALUE,
        "error": st.none() | _JSON_VALUE,
        "object": st.sampled_from(["text_completion", "error", "other", 1, None]),
        "type": st.sampled_from(["error", "message", None]),
    },
)


@given(_ANSWER, st.integers(1, 400))
def test_an_answer_is_judged_alike_quickly_and_in_full(answer, at):
    raw = orjson.dumps(answer)
    if at % 5 == 0:
        raw = raw[: at % (len(raw) + 1)]
    elif at % 7 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert check_completion(200, None, raw) == completions_unary._check_any(200, None, raw)


def test_a_usual_answer_takes_the_quick_way():
    assert completions_unary._decode_plain(body(usage={"prompt_tokens": 3})).model == "m-1"
