"""A 200 is a message, or a count of tokens, only when it is one."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import FailureClass
from interlock_protocols.answers.answered import Answered
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_protocols.messages import answer as messages_unary
from interlock_protocols.messages.answer import check_count, check_message, message_tokens

JSON = b"application/json"


def body(**fields: Any) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "stop_reason": "end_turn",
    }
    return json.dumps({**message, "content": [{"type": "text", "text": "hi"}], **fields}).encode()


def failed(raw: bytes, content_type: bytes | None = JSON) -> FailedAnswer:
    judged = check_message(200, content_type, raw)
    assert isinstance(judged, FailedAnswer)
    return judged


def test_a_message_gives_usage_and_model():
    usage = {
        "input_tokens": 3,
        "output_tokens": 4,
        "cache_read_input_tokens": None,
        "service_tier": "standard",
    }
    assert check_message(200, JSON, body(usage=usage)) == Answered(usage=(3, 4), model="m-1")


def test_cached_tokens_are_part_of_the_prompt():
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 90,
        "cache_creation_input_tokens": 7,
        "output_tokens": 4,
    }
    assert check_message(200, JSON, body(usage=usage)) == Answered(usage=(100, 4), model="m-1")
    for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        judged = check_message(200, JSON, body(usage={"input_tokens": 3, name: 7}))
        assert judged == Answered(usage=(10, None), model="m-1")


def test_a_message_may_say_nothing_or_speak_of_errors():
    assert isinstance(check_message(200, JSON, body(content=[])), Answered)
    said = [{"type": "text", "text": '{"type": "error", "error": {"type": "api_error"}}'}]
    assert isinstance(check_message(200, JSON, body(content=said, error=None)), Answered)


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', FailureClass.OVERLOAD),
        (b'{"type":"error"}', FailureClass.SERVER_ERROR),
        (b'{"error":{"message":"m","code":429}}', FailureClass.RATE_LIMIT),
        (b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', FailureClass.RATE_LIMIT),
        (body(error={"type": "rate_limit_error"}), FailureClass.RATE_LIMIT),
        (body(error="boom"), FailureClass.SERVER_ERROR),
        (body(object="error"), FailureClass.SERVER_ERROR),
        (body(choices=[{"error": {"code": 503}}]), FailureClass.SERVER_ERROR),
    ],
)
def test_an_error_inside_a_200_is_a_failure(raw, failure):
    assert failed(raw).failure is failure
    counted = check_count(200, JSON, raw)
    assert isinstance(counted, FailedAnswer)
    assert counted.failure is failure


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"),
        (b" \n", "empty_body"),
        (b"<!doctype html><title>Sign in</title>", "not_json"),
        (body()[:-20], "not_json"),
        (body().replace(b"hi", b"\xff"), "not_json"),
        (b"event: message_start\ndata: {}\n\n", "not_json"),
        (b"null", "no_message"),
        (b"[" + body() + b"]", "no_message"),
        (b"{}", "no_message"),
        (b'{"choices":[{"message":{"content":"hi"}}]}', "no_message"),
        (body(type="completion"), "no_message"),
        (body(content="hi"), "no_message"),
        (body(content=None), "no_message"),
    ],
)
def test_what_is_no_message_is_malformed(raw, code):
    answer = failed(raw, b"text/html; charset=utf-8")
    assert (answer.failure, answer.code, answer.status) == (FailureClass.MALFORMED, code, 200)


def test_a_count_is_a_whole_number_and_no_usage():
    assert check_count(200, JSON, b'{"input_tokens": 2095}') == Answered()
    assert check_count(200, JSON, b'{"input_tokens": 0, "context_management": {"a": [1.5]}}') == Answered()


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (b'{"input_tokens": 3, "error": {"type": "rate_limit_error"}}', FailureClass.RATE_LIMIT),
        (b'{"input_tokens": 3, "a": "\xff"}', FailureClass.MALFORMED),
        (b'{"input_tokens": 3, "a": ' + b"[" * 5000 + b"]" * 5000 + b"}", FailureClass.MALFORMED),
    ],
)
def test_a_number_does_not_hide_what_is_wrong(raw, failure):
    answer = check_count(200, JSON, raw)
    assert isinstance(answer, FailedAnswer)
    assert answer.failure is failure


@pytest.mark.parametrize("number", ["null", '"7"', "7.0", "true", "-1", "[7]", "1" * 30])
def test_what_is_no_count_is_malformed(number):
    for raw in (b'{"input_tokens": %b}' % number.encode(), body()):
        answer = check_count(200, JSON, raw)
        assert isinstance(answer, FailedAnswer)
        assert (answer.failure, answer.code) == (FailureClass.MALFORMED, "no_count")


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, None),
        ([], None),
        ({}, (None, None)),
        ({"input_tokens": 3}, (3, None)),
        ({"cache_read_input_tokens": 3, "output_tokens": 0}, (3, 0)),
        ({"input_tokens": "3", "output_tokens": True}, (None, None)),
        ({"input_tokens": -3, "output_tokens": 2**60}, (None, None)),
    ],
)
def test_only_whole_numbers_count_as_tokens(usage, tokens):
    assert message_tokens(usage) == tokens
    answer = check_message(200, JSON, body(usage=usage))
    assert isinstance(answer, Answered)
    assert answer.usage == tokens


_TEXT = st.sampled_from(["", "m", "ü", "\\", 'quote"', "message", "error"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.just(2**62) | st.just(1.0) | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            _TEXT | st.sampled_from(["type", "error", "content", "input_tokens"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
_COUNT = st.integers(0, 9) | st.none() | _JSON
_USAGE = st.fixed_dictionaries({}, optional=dict.fromkeys(messages_unary.COUNTS, _COUNT))
_ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("message") | _JSON,
        "content": st.lists(st.dictionaries(_TEXT, _JSON, max_size=1), max_size=2) | _JSON,
        "usage": _USAGE | _JSON,
        "model": _TEXT | _JSON,
        "error": st.none() | _JSON,
        "object": st.none() | st.just("error") | _JSON,
        "choices": st.none() | _JSON,
        "input_tokens": _COUNT,
    },
)


def _cut(raw: bytes, at: int) -> bytes:
    """The body, sometimes damaged: cut short, or with a byte that is no UTF-8 in it."""
    if at % 5 == 0:
        return raw[: at % (len(raw) + 1)]
    if at % 7 == 0:
        return raw.replace(b'"', b'"\xff', 1)
    return raw


@given(_ANSWER | _JSON, st.integers(1, 400))
def test_an_answer_is_judged_alike_by_both_readings(answer, at):
    raw = _cut(orjson.dumps(answer), at)
    assert check_message(200, None, raw) == messages_unary._check_any_message(200, None, raw)
    assert check_count(200, None, raw) == messages_unary._check_any_count(200, None, raw)


@given(st.binary(max_size=100))
def test_any_bytes_are_judged(raw):
    assert isinstance(check_message(200, JSON, raw), Answered | FailedAnswer)
    assert isinstance(check_count(200, JSON, raw), Answered | FailedAnswer)


def test_a_usual_answer_takes_the_quick_way():
    usage = {"input_tokens": 3, "cache_creation": {"a": 1}, "output_tokens": 4, "server_tool_use": None}
    assert messages_unary._decode_message(body(usage=usage)).usage is not None
    assert messages_unary._decode_count(b'{"input_tokens": 3}').input_tokens == 3
