"""The quick readings take the usual bursts, and nothing in which more happens than content."""

import pytest

from interlock_protocols.messages.events import quiet_events, still_deltas
from tests.libs.interlock_protocols.messages.parts import (
    BEGIN,
    CLOSE,
    COMMENT,
    ENDING,
    ERROR,
    HELLO,
    INPUT,
    MALFORMED,
    PING,
    START,
    STOP,
    TOOL,
    WORLD,
    named,
    padded,
)

_DELTA = b'{"type":"content_block_delta","delta":{}'
HALVES = b"".join(
    b"event: content_block_delta\ndata: %b\n\n" % half for half in (_DELTA + b',"x":[{}', b"{}]}")
)
DOUBLE = b"event: content_block_delta\ndata: %b},%b}\n\n" % (_DELTA, _DELTA)
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}


@pytest.mark.parametrize(
    "raw", [b"", b"a b", b"w\xc3\xb6rld", b"line\\nbreak", b'say \\"hi\\"', b"}\\n\\nevent: "]
)
def test_a_burst_of_deltas_is_counted_whatever_its_text_and_padding(raw):
    whole = padded(raw, 0) + padded(raw, 7) + HELLO + INPUT + padded(b"x", 1)
    assert still_deltas(whole) == quiet_events(whole) == 5
    assert still_deltas(padded(raw, 3)) == 1


def test_a_burst_that_begins_and_ends_blocks_is_counted_event_by_event():
    whole = HELLO + CLOSE + PING + TOOL + INPUT + CLOSE + BEGIN + WORLD
    assert still_deltas(whole) == 0
    assert quiet_events(whole) == 8
    assert quiet_events(b"event: ping\ndata: {}\n\n") == 1


@pytest.mark.parametrize(
    "other",
    [
        START,
        ENDING,
        STOP,
        ERROR,
        MALFORMED,
        COMMENT,
        HELLO[:-1],
        HELLO[:-2] + b"\n\n\n",
        HELLO.replace(b"\n", b"\r\n"),
        HELLO[:-2] + b"\ndata: {}\n\n",
        HELLO[7:],
        b'data: {"type":"ping"}\n\n',
        padded(b"\xff", 0),
        padded(b'a"b', 0),
        padded(b"a\nb", 0),
        padded(b"a\x01b", 0),
        padded(b'"}},{"type":"content_block_delta","delta":{"x":"', 0),
        named("ping", DELTA),
        named("content_block_stop", DELTA),
        named("content_block_delta", {**DELTA, "type": "ping"}),
        named("content_block_delta", {**DELTA, "error": {"message": "boom"}}),
        named("content_block_stop", {"type": "content_block_stop", "error": {"message": "boom"}}),
        named("ping", {"type": "ping", "error": "boom"}),
        named("content_block_delta", {**DELTA, "delta": None}),
        named("content_block_start", {"type": "content_block_start", "index": 0}),
        b"event: content_block_delta\ndata: " + b"[" * 5000 + b"]" * 5000 + b"\n\n",
        HALVES + DOUBLE,
        HALVES + DOUBLE.replace(b"},{", b"}{"),
        DOUBLE.replace(b"},{", b"}{") + HALVES,
        HELLO.replace(b', "delta"', b',\n"delta"'),
        HELLO.replace(b', "delta"', b',\ndata: "delta"'),
    ],
)
def test_anything_else_is_left_to_the_full_reading(other):
    for whole in (other, HELLO + other, other + HELLO, HELLO + other + HELLO):
        assert still_deltas(whole) == 0
        assert quiet_events(whole) == 0
