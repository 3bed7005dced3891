"""A 200 is an answer only when it is one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.chat.answer import check_chat
from interlock_protocols.failures.failed_answer import FailedAnswer

JSON = b"application/json"


def body(**fields: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return json.dumps({"model": "m-1", "choices": [choice]} | fields).encode()


def failed(raw: bytes, content_type: bytes | None = JSON) -> FailedAnswer:
    judged = check_chat(200, content_type, raw)
    assert isinstance(judged, FailedAnswer)
    return judged


def test_an_answer_gives_usage_and_model():
    judged = check_chat(
        200, JSON, body(usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
    )
    assert judged == Answered(usage=(3, 4), model="m-1")


def test_a_text_that_speaks_of_errors_is_an_answer():
    said = {"index": 0, "message": {"content": '"error": {"code": 429}'}, "finish_reason": "stop"}
    assert isinstance(check_chat(200, JSON, body(choices=[said], error=None)), Answered)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b'{"error":{"message":"m","type":"server_error","code":"server_error"}}', FailureClass.SERVER_ERROR),
        (b'{"error":{"message":"m","code":429}}', FailureClass.RATE_LIMIT),
        (b'{"error":"boom"}', FailureClass.SERVER_ERROR),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', FailureClass.RATE_LIMIT),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', FailureClass.OVERLOAD),
        (b'{"object":"error","message":"m","code":"1300","type":"rate_limited"}', FailureClass.RATE_LIMIT),
        (body(error={"code": 502, "message": "m"}), FailureClass.DISCONNECT),
        (body(choices=[{"error": {"code": 503, "message": "m"}}]), FailureClass.SERVER_ERROR),
        (body(choices=[{"finish_reason": "error"}]), FailureClass.SERVER_ERROR),
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
        (b"data: {}\n\n", "not_json"),
        (b"{}", "no_choices"),
        (b"null", "no_choices"),
        (b"[]", "no_choices"),
        (body(choices=[]), "no_choices"),
        (body(choices=None), "no_choices"),
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
    assert isinstance(check_chat(200, JSON, raw), Answered | FailedAnswer)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "choices", "code", "details", "usage", "metadata"]), inner
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_json_is_judged(value):
    assert isinstance(check_chat(200, JSON, json.dumps(value).encode()), Answered | FailedAnswer)
