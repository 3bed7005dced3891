"""However a stream is cut, it means the same: the scanner against a plain reading of its events."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from interlock_protocols.messages.events import PAYLOADS, quiet_events, still_deltas
from interlock_protocols.messages.scanner import MessagesScanner
from interlock_protocols.streams.verdict import End, Verdict
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
    delta,
    named,
    padded,
    text,
)

EMPTY = text("")
SIGNATURE = delta("signature_delta", signature="s")
ROOT_ERROR = b'data: {"error":{"message":"boom"}}\n\n'
NAMELESS = b'data: {"type":"content_block_stop"}\n\n'
GOOD = [START, PING, COMMENT, BEGIN, HELLO, WORLD, TOOL, INPUT, CLOSE, EMPTY, SIGNATURE, ENDING]
EVENTS = [*GOOD, padded(b"x", 3), STOP, ERROR, ROOT_ERROR, MALFORMED, NAMELESS]
COMMITS = (HELLO, WORLD, TOOL, INPUT, padded(b"x", 3), ENDING)
PARTS = [BEGIN, HELLO, WORLD, TOOL, INPUT, CLOSE, EMPTY, SIGNATURE, padded(b"x", 3), PING, COMMENT, ENDING]

streams = st.one_of(
    st.lists(st.sampled_from(EVENTS), max_size=14),
    st.tuples(
        st.just([START]),
        st.lists(st.sampled_from(PARTS), max_size=14),
        st.lists(st.sampled_from(EVENTS), max_size=2),
    ).map(lambda lists: [each for some in lists for each in some]),
)
cuts = st.lists(st.integers(0, 2500), max_size=12)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({min(each, len(stream)) for each in at} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(edges)]


def plain(stream: list[bytes]) -> tuple[str, int]:
    """How a stream ends (done, error or malformed; open: it just stops) and how many events may go out."""
    started = ended = False
    for n, each in enumerate(stream):
        if each in (ERROR, ROOT_ERROR):
            return "error", n
        if each in (MALFORMED, NAMELESS) or (each not in (PING, COMMENT) and started is (each == START)):
            return "malformed", n
        started = started or each == START
        ended = ended or each == ENDING
        if each == STOP:
            return ("done", n + 1) if ended else ("error", n)
    return "open", len(stream)


@given(streams, cuts)
@example([START, HELLO, ERROR], [])
@example([START, BEGIN, HELLO, MALFORMED, WORLD], [400])
@example([START, *[PING] * 12], [10, 20])
@example([START, HELLO, START], [])
def test_cuts_change_neither_the_verdict_nor_the_bytes(stream, at):
    scanner = MessagesScanner()
    out = b""
    last = Verdict.HOLD
    for piece in cut(b"".join(stream), at):
        last = scanner.feed(piece)
        assert scanner.out == b"" or scanner.committed
        out += scanner.out
    fate, whole_events = plain(stream)
    allowed = stream[:whole_events]
    if fate == "open":
        assert last in (Verdict.HOLD, Verdict.COMMIT, Verdict.PASS)
    assert (last is Verdict.ERROR) is (fate == "error")
    assert (last is Verdict.MALFORMED) is (fate == "malformed")
    assert scanner.finished is (fate == "done")
    assert (scanner.error is not None) is (fate in ("error", "malformed"))
    assert out == (b"".join(allowed) if scanner.committed else b"")
    assert scanner.saw_content or not any(each in COMMITS and each != ENDING for each in allowed)
    if fate in ("open", "done") and any(each in COMMITS for each in allowed):
        assert scanner.committed
    assert scanner.end() is not End.COMPLETE or fate == "done"


@given(streams.filter(lambda stream: plain(stream)[0] in ("open", "done")), cuts)
def test_what_a_stream_was_worth_does_not_depend_on_cuts(stream, at):
    whole, pieces, once = MessagesScanner(), MessagesScanner(), MessagesScanner()
    for each in stream:
        whole.feed(each)
    for piece in cut(b"".join(stream), at):
        pieces.feed(piece)
    once.feed(b"".join(stream))
    for name in ("complete", "saw_content", "usage", "model", "events", "finished"):
        assert getattr(whole, name) == getattr(pieces, name) == getattr(once, name), name
    assert whole.end() is pieces.end() is once.end()


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*EVENTS, b"\n\n", b"\r", b"data: "]), max_size=25))
def test_any_bytes_are_judged_and_only_received_bytes_go_out(pieces):
    scanner = MessagesScanner()
    out = b""
    for piece in pieces:
        assert scanner.feed(piece) in Verdict
        out += scanner.out
    assert scanner.end() in End
    assert len(out) <= len(b"".join(pieces))
    assert out == b"" or scanner.committed


_KINDS = st.sampled_from([*PAYLOADS, "ping", "error", "of_next_year"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | _KINDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "error", "delta", "content_block", "message", "usage", "stop_reason", "text"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)
_VALUES = _JSON | st.fixed_dictionaries(
    {"type": _KINDS | _JSON},
    optional={"delta": _JSON, "content_block": _JSON, "error": _JSON, "message": _JSON, "usage": _JSON},
)


def _alike(name: str, value: Any) -> bytes:
    return named(value["type"] if name == "same" and _has_kind(value) else name, value)


def _has_kind(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"].isascii()


_STREAMS = st.lists(
    st.builds(_alike, st.just("same") | _KINDS, _VALUES) | st.sampled_from([HELLO, WORLD, CLOSE]),
    min_size=1,
    max_size=5,
)


@given(_STREAMS)
@example([HELLO, CLOSE, BEGIN, PING])
def test_the_quick_readings_never_let_through_what_the_full_one_stops(stream):
    whole = b"".join(stream)
    slow = MessagesScanner()
    slow.feed(START + HELLO)
    before = slow.events
    for each in stream:
        slow.feed(b": full reading\n" + each)  # a third line: only the full reading takes it
    for found in (still_deltas(whole), quiet_events(whole)):
        if found:
            assert found == len(stream) == slow.events - before
            assert slow.error is None
            assert not slow.complete


@given(_STREAMS)
def test_any_events_are_judged_alike_in_one_piece_and_one_by_one(stream):
    whole, single = MessagesScanner(), MessagesScanner()
    whole.feed(START + HELLO)
    single.feed(START + HELLO)
    whole.feed(b"".join(stream))
    for each in stream:
        single.feed(each)
    assert (whole.error, whole.finished, whole.complete) == (single.error, single.finished, single.complete)


@given(st.binary(max_size=80))
@example(b'{"type":"content_block_delta","delta":{},"a":"\xff"}')
@example(b'{"type":"content_block_delta","delta":{}},{"type":"content_block_delta","delta":{}}')
@example(b'{"type":"content_block_delta","delta":{}\n}')
def test_what_reads_quickly_is_json_that_clients_read(raw):
    whole = b"event: content_block_delta\ndata: " + raw + b"\n\n"
    if still_deltas(whole) or quiet_events(whole):
        assert json.loads(raw)["type"] == "content_block_delta"
