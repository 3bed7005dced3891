"""However a stream is cut, it means the same: the scanner against a plain reading of its events."""

import json
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from interlock_protocols.chat.chunk import CONTENT_KEYS, quiet_chunks
from interlock_protocols.chat.scanner import ChatScanner, End, Verdict
from tests.libs.interlock_protocols.chunks import (
    COMMENT,
    DONE,
    ERROR,
    HELLO,
    MALFORMED,
    ROLE,
    STOP,
    USAGE,
    WORLD,
    chunk,
    event,
)

OTHER = chunk({"content": "b"}, index=1)
OTHER_STOP = chunk({}, index=1, finish_reason="length")
IN_CHOICE = event({"choices": [{"index": 0, "delta": {}, "error": {"code": 502}}]})
NAMED = b'event: error\ndata: {"message":"boom"}\n\n'
EVENTS = [
    ROLE,
    HELLO,
    WORLD,
    STOP,
    USAGE,
    COMMENT,
    OTHER,
    OTHER_STOP,
    DONE,
    ERROR,
    IN_CHOICE,
    NAMED,
    MALFORMED,
]
GOOD = [ROLE, HELLO, HELLO, WORLD, WORLD, STOP, USAGE, COMMENT]

events = st.lists(st.sampled_from(GOOD) | st.sampled_from(EVENTS), max_size=14)
cuts = st.lists(st.integers(0, 2500), max_size=12)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({min(each, len(stream)) for each in at} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(edges)]


def plain(stream: list[bytes]) -> tuple[str, int]:
    """How a stream ends (done, error or malformed; open: it just stops) and how many events may go out."""
    answered = False
    for n, each in enumerate(stream):
        if each == COMMENT:
            continue
        if each == DONE:
            return ("done", n + 1) if answered else ("error", n)
        try:
            value = json.loads(each.split(b"data: ")[1])
        except ValueError:
            return "malformed", n
        choices = value.get("choices", [])
        if (
            each.startswith(b"event: error")
            or "error" in value
            or any("error" in choice for choice in choices)
        ):
            return "error", n
        answered = answered or any(
            choice["finish_reason"] or any(choice["delta"].get(key) for key in CONTENT_KEYS)
            for choice in choices
        )
    return "open", len(stream)


@given(events, cuts)
@example([ROLE, HELLO, ERROR], [])
@example([ROLE, HELLO, MALFORMED, WORLD], [400])
@example([ROLE] * 12, [10, 20])
def test_cuts_change_neither_the_verdict_nor_the_bytes(stream, at):
    scanner = ChatScanner()
    out = b""
    last = Verdict.HOLD
    for piece in cut(b"".join(stream), at):
        last = scanner.feed(piece)
        assert scanner.out == b"" or scanner.committed
        out += scanner.out
    fate, whole_events = plain(stream)
    allowed = b"".join(stream[:whole_events])
    if fate == "open":
        assert last in (Verdict.HOLD, Verdict.COMMIT, Verdict.PASS)
    assert (last is Verdict.ERROR) is (fate == "error")
    assert (last is Verdict.MALFORMED) is (fate == "malformed")
    assert scanner.finished is (fate == "done")
    assert (scanner.error is not None) is (fate in ("error", "malformed"))
    assert out == (allowed if scanner.committed else b"")
    assert scanner.end() is not End.COMPLETE or fate == "done"


@given(events.filter(lambda stream: plain(stream)[0] == "open"), cuts)
def test_what_a_stream_was_worth_does_not_depend_on_cuts(stream, at):
    whole, pieces = ChatScanner(), ChatScanner()
    for each in stream:
        whole.feed(each)
    for piece in cut(b"".join(stream), at):
        pieces.feed(piece)
    for name in ("complete", "saw_content", "usage", "model", "events"):
        assert getattr(whole, name) == getattr(pieces, name), name
    assert whole.end() is pieces.end()


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*EVENTS, b"\n\n", b"\r", b"data: "]), max_size=25))
def test_any_bytes_are_judged_and_only_received_bytes_go_out(pieces):
    scanner = ChatScanner()
    out = b""
    for piece in pieces:
        assert scanner.feed(piece) in Verdict
        out += scanner.out
    assert scanner.end() in End
    assert len(out) <= len(b"".join(pieces))
    assert out == b"" or scanner.committed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "choices", "delta", "index", "finish_reason", "usage", "content", "model"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@given(st.lists(json_values.map(event), min_size=1, max_size=5))
def test_the_quick_reading_never_lets_through_what_the_full_one_stops(stream):
    quick = quiet_chunks(b"".join(stream))
    slow = ChatScanner(hold_events=0)
    verdict = slow.feed(ROLE)
    for each in stream:
        named = b"event: message\n" + each  # a second line: only the full reading takes it
        verdict = slow.feed(named)
    if quick is not None:
        assert verdict is not Verdict.MALFORMED
        errors = any(each.error or any(choice.error for choice in each.choices) for each in quick)
        reasons = any(choice.finish_reason == "error" for each in quick for choice in each.choices)
        assert (slow.error is not None) is (errors or reasons)


@given(st.binary(max_size=80).map(lambda raw: b"data: " + raw + b"\n\n"))
@example(b'data: {"a":"\xff"}\n\n')
@example(b'data: {"a":"\xed\xa0\x80"}\n\n')
@example(b'data: {"a":1e999}\n\n')
def test_what_reads_quickly_is_json_that_clients_read(raw):
    if quiet_chunks(raw) is not None:
        for line in raw.decode().split("\n\n")[:-1]:
            assert isinstance(json.loads(line.removeprefix("data: ")), dict)
