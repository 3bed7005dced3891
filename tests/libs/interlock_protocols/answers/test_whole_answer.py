"""What a whole answer is where a stream was asked for."""

import pytest

from interlock_domain.words import FailureClass
from interlock_protocols.answers.whole_answer import is_event_stream, not_a_stream
from interlock_protocols.chat.answer import check_chat

JSON = b"application/json"
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"text/event-stream", True),
        (b"Text/Event-Stream; charset=utf-8", True),
        (b"application/json", False),
        (b"text/html", False),
        (None, False),
    ],
)
def test_only_an_event_stream_is_scanned(content_type, expected):
    assert is_event_stream(content_type) is expected


def test_a_whole_answer_where_a_stream_was_asked_for_is_malformed():
    answer = not_a_stream(200, check_chat(200, JSON, ANSWER))
    assert (answer.failure, answer.code) == (FailureClass.MALFORMED, "not_a_stream")


def test_an_error_where_a_stream_was_asked_for_keeps_its_class():
    judged = check_chat(200, JSON, b'{"error":{"code":429}}')
    assert not_a_stream(200, judged).failure is FailureClass.RATE_LIMIT
