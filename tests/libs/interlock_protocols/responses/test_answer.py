"""A 200 is a response only when it is one."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.responses import answer as responses_unary
from interlock_protocols.responses.answer import check_response, response_tokens

JSON = b"application/json"


def body(**fields: Any) -> bytes:
    usual = {"id": "resp_1", "object": "response", "status": "completed", "model": "m-1", "output": []}
    return json.dumps(usual | {"error": None, "incomplete_details": None} | fields).encode()


def failed(raw: bytes) -> FailedAnswer:
    judged = check_response(200, JSON, raw)
    assert isinstance(judged, FailedAnswer)
    return judged


def test_an_answer_gives_usage_and_model() -> None:
    raw = body(usage={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    assert check_response(200, JSON, raw) == Answered(usage=(3, 4), model="m-1")


@pytest.mark.parametrize("status", ["incomplete", "queued", "in_progress", "cancelled", "new"])
def test_a_response_that_is_not_complete_is_an_answer(status) -> None:
    assert check_response(200, JSON, body(status=status, usage=None)) == Answered(model="m-1")


def test_a_text_that_speaks_of_failure_is_an_answer() -> None:
    said = {"type": "message", "content": [{"type": "output_text", "text": '"status":"failed","error":{}'}]}
    assert isinstance(check_response(200, JSON, body(output=[said])), Answered)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (
            body(status="failed", error={"code": "server_error", "message": "m"}),
            FailureClass.SERVER_ERROR,
        ),
        (
            body(status="failed", error={"code": "rate_limit_exceeded", "message": "m"}),
            FailureClass.RATE_LIMIT,
        ),
        (body(status="failed"), FailureClass.SERVER_ERROR),
        (body(error={"code": "server_is_overloaded", "message": "m"}), FailureClass.OVERLOAD),
        (body(type="error"), FailureClass.SERVER_ERROR),
        (b'{"error":{"message":"m","type":"invalid_request_error"}}', FailureClass.CALLER_FAULT),
        (b'{"error":"boom"}', FailureClass.SERVER_ERROR),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', FailureClass.RATE_LIMIT),
        (b'{"type":"error","code":"rate_limit_exceeded","message":"m"}', FailureClass.RATE_LIMIT),
    ],
)
def test_an_error_inside_a_200_is_a_failure(raw, failure) -> None:
    assert failed(raw).failure is failure


def test_what_the_upstream_said_is_kept() -> None:
    answer = failed(body(status="failed", error={"code": "server_error", "message": "it broke"}))
    assert (answer.code, answer.message) == ("server_error", "it broke")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"),
        (b"<!doctype html><title>Sign in</title>", "not_json"),
        (body()[:-20], "not_json"),
        (b"{}", "no_response"),
        (b"null", "no_response"),
        (b"[]", "no_response"),
        (body(object="chat.completion", choices=[{"message": {}}]), "no_response"),
        (body(status=None), "no_response"),
        (body(status=7), "no_response"),
    ],
)
def test_what_is_no_response_is_malformed(raw, code) -> None:
    answer = failed(raw)
    assert (answer.failure, answer.code, answer.status) == (FailureClass.MALFORMED, code, 200)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, None),
        ([], None),
        ({}, (None, None)),
        ({"input_tokens": 3}, (3, None)),
        ({"input_tokens": "3", "output_tokens": True}, (None, None)),
        ({"input_tokens": -1, "output_tokens": 2**60}, (None, None)),
    ],
)
def test_only_counts_are_tokens(usage, tokens) -> None:
    assert response_tokens(usage) == tokens
    judged = check_response(200, JSON, body(usage=usage))
    assert isinstance(judged, Answered)
    assert judged.usage == tokens


_WORD = st.sampled_from(["", "m", "ü", "error", "response", "failed", "completed", "queued"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _WORD,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORD, inner, max_size=2),
    max_leaves=4,
)
_ANSWER = st.fixed_dictionaries(
    {"object": st.just("response") | st.just("response") | _JSON},
    optional={
        "status": st.sampled_from(["completed", "incomplete", "failed", "queued", None, 1]),
        "usage": st.none()
        | st.fixed_dictionaries({}, optional={"input_tokens": st.integers(-(2**60), 2**60) | _JSON}),
        "model": _WORD | _JSON,
        "error": st.none() | _JSON,
        "type": st.sampled_from(["error", "message", None]),
        "choices": st.none() | st.just([{"error": "boom"}]) | _JSON,
    },
)


@given(_ANSWER | _JSON, st.integers(1, 400))
def test_the_quick_reading_and_the_full_one_say_the_same(answer, at) -> None:
    raw = orjson.dumps(answer)
    if at % 11 == 0:
        raw = raw[: at % (len(raw) + 1)]
    elif at % 13 == 0:
        raw = raw.replace(b'"', b'"\xff', 1)
    assert check_response(200, None, raw) == responses_unary._check_any(200, None, raw)


@given(st.binary(max_size=100))
def test_any_bytes_are_judged(raw) -> None:
    assert isinstance(check_response(200, JSON, raw), Answered | FailedAnswer)


def test_a_usual_answer_takes_the_quick_way() -> None:
    assert responses_unary._decode_plain(body()).status == "completed"
