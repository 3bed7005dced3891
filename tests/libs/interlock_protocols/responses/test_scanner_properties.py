"""However a streamed response is cut or written, it means the same; the quick reading is the full one."""

import json
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from interlock_protocols.errors import OwnError
from interlock_protocols.responses import event as responses_event
from interlock_protocols.responses.event import quiet_events, read_event
from interlock_protocols.responses.scanner import ResponsesScanner
from interlock_protocols.streams.verdict import End, Verdict
from tests.libs.interlock_protocols.responses.events import (
    COMMENT,
    COMPLETED,
    CREATED,
    DONE,
    FAILED,
    HELLO,
    IN_PROGRESS,
    INCOMPLETE,
    ITEM,
    ITEM_DONE,
    MALFORMED,
    PART,
    PREAMBLE,
    WORLD,
    delta,
    event,
)

FLAT = event("error", code="server_error", message="boom", sequence_number=3)
LIAR = event("response.completed", name="response.output_text.delta")
BARE = event("response.reasoning_text.delta", name="", delta="hm", sequence_number=11)
GOOD = [CREATED, IN_PROGRESS, ITEM, PART, HELLO, HELLO, WORLD, WORLD, delta(40), ITEM_DONE, BARE, COMMENT]
EVENTS = [*GOOD, COMPLETED, INCOMPLETE, DONE, FAILED, FLAT, MALFORMED, LIAR]
BROKEN = OwnError(502, "truncated", "it broke off")

events = st.lists(st.sampled_from(GOOD) | st.sampled_from(EVENTS), max_size=14)
cuts = st.lists(st.integers(0, 2500), max_size=12)


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({min(each, len(stream)) for each in at} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(edges)]


def plain(stream: list[bytes]) -> tuple[str, int]:
    """How a stream ends (done, error or malformed; open: it just stops) and how many events may go out."""
    for n, each in enumerate(stream):
        if each == COMMENT:
            continue
        if each == DONE:
            return "error", n
        lines = dict(line.split(b": ", 1) for line in each.splitlines() if line)
        try:
            value = json.loads(lines[b"data"])
        except ValueError:
            return "malformed", n
        if value["type"] in ("error", "response.failed"):
            return "error", n
        if lines.get(b"event", value["type"].encode()) != value["type"].encode():
            return "malformed", n
        if value["type"] in ("response.completed", "response.incomplete"):
            return "done", n + 1
    return "open", len(stream)


@given(events, cuts)
@example([CREATED, HELLO, FAILED], [])
@example([CREATED, HELLO, WORLD, COMPLETED, DONE], [1700])
@example([IN_PROGRESS] * 12, [10, 20])
def test_cuts_change_neither_the_verdict_nor_the_bytes(stream, at) -> None:
    scanner = ResponsesScanner()
    out = b""
    last = Verdict.HOLD
    for piece in cut(b"".join(stream), at):
        last = scanner.feed(piece)
        assert scanner.out == b"" or scanner.committed
        out += scanner.out
    fate, whole_events = plain(stream)
    allowed = b"".join(stream[:whole_events]) + (DONE if fate == "done" else b"")
    if fate in ("open", "done"):
        assert last in (Verdict.HOLD, Verdict.COMMIT, Verdict.PASS)
    assert (last is Verdict.ERROR) is (fate == "error")
    assert (last is Verdict.MALFORMED) is (fate == "malformed")
    assert scanner.finished is scanner.complete is (fate == "done")
    assert (scanner.error is not None) is (fate in ("error", "malformed"))
    assert out == (allowed if scanner.committed else b"")
    assert (scanner.end() is End.COMPLETE) is (fate == "done")


def seen(scanner: ResponsesScanner) -> dict[str, Any]:
    """Everything a scanner tells, but for what went out."""
    names = (
        "committed",
        "complete",
        "finished",
        "saw_content",
        "saw_end",
        "usage",
        "model",
        "events",
        "error",
    )
    told = {name: getattr(scanner, name) for name in names}
    return told | {"in_band": scanner.in_band(BROKEN)}


@given(events, cuts)
def test_what_a_stream_was_worth_does_not_depend_on_cuts(stream, at) -> None:
    single, pieces = ResponsesScanner(hold_events=99), ResponsesScanner(hold_events=99)
    for each in stream:
        single.feed(each)
    for piece in cut(b"".join(stream), at):
        pieces.feed(piece)
    if plain(stream)[0] in ("open", "done"):  # a failure in the chunk of the first content hides that content
        assert seen(single) == seen(pieces)
    assert single.end() is pieces.end()


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*EVENTS, b"\n\n", b"\r", b"data: "]), max_size=25))
def test_any_bytes_are_judged_and_only_received_bytes_go_out(pieces) -> None:
    scanner = ResponsesScanner()
    out = b""
    for piece in pieces:
        assert scanner.feed(piece) in Verdict
        out += scanner.out
    assert scanner.end() in End
    out += scanner.out
    assert len(out.removesuffix(DONE)) <= len(b"".join(pieces)) + 2
    assert out == b"" or scanner.committed
    assert scanner.in_band(BROKEN)


_WORDS = st.sampled_from(
    [
        "",
        "a",
        "a.delta",
        "error",
        "response.completed",
        "response.failed",
        "response.in_progress",
        'q"\n: \\',
        "ü",
        "message",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-9, 9) | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
_RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "id": _WORDS | _JSON,
        "model": _WORDS | _JSON,
        "status": st.sampled_from(["completed", "failed", None, 1]),
        "error": st.none() | _JSON,
        "usage": st.none() | st.just({"input_tokens": 1, "output_tokens": 2}) | _JSON,
    },
)
_VALUE = st.fixed_dictionaries(
    {},
    optional={
        "type": _WORDS | _WORDS | _JSON,
        "sequence_number": st.integers(0, 50) | _JSON,
        "error": st.none() | _JSON,
        "response": st.none() | _RESPONSE | _JSON,
        "delta": _WORDS | _JSON,
    },
)
_NAMES = st.sampled_from(["as typed", "as typed", "as typed", "none", "a", "ping", "response.completed"])


def _damaged(data: bytes, at: int) -> bytes:
    """The bytes, at times damaged: cut short, or with a bad byte, a line end or an object more."""
    place = at % (len(data) + 1)
    return {
        3: data[:place],
        5: data.replace(b'"', b'"\xff', 1),
        7: data[:place] + b"\n" + data[place:],
        11: data + b"," + data,
        13: data + b" " + data,
        17: data[:place] + b"\\ud83d" + data[place:],
    }.get(at % 37, data)


def _written(value: dict[str, Any], name: str, at: int) -> bytes:
    kind = value.get("type")
    if name == "as typed":
        name = kind.replace("\n", " ") if type(kind) is str else "a"
    line = b"" if name == "none" else b"event: " + name.encode() + b"\n"
    return line + b"data: " + _damaged(orjson.dumps(value), at) + b"\n\n"


_WRITTEN = st.builds(_written, _VALUE, _NAMES, st.integers(0, 400))
_QUIET = st.builds(
    lambda kind, number, text: event(kind, sequence_number=number, delta=text),
    st.sampled_from(["a.delta", "b.done", "keepalive"]),
    st.none() | st.integers(0, 99),
    _WORDS,
)
_BARE = _QUIET.map(lambda each: each[each.index(b"\n") + 1 :])


@given(
    st.lists(_WRITTEN, min_size=1, max_size=4)
    | st.lists(_QUIET | _WRITTEN, min_size=1, max_size=4)
    | st.lists(_BARE | _WRITTEN, min_size=1, max_size=4)
)
@example([event("a.delta", sequence_number=1), event("a.delta", sequence_number=None)])
@example([event("a.delta", name=""), event("response.completed", name="")])
@example([b'event: a\ndata: {"type":"a","x":[{}\n\n', b'event: a\ndata: {"type":"a"}]}\n\n'])
def test_the_quick_reading_and_the_full_one_say_the_same(stream) -> None:
    quick, full = ResponsesScanner(), ResponsesScanner()
    assert quick.feed(PREAMBLE + HELLO) is full.feed(PREAMBLE + HELLO) is Verdict.COMMIT
    whole = b"".join(stream)
    crlf = whole.replace(b"\n", b"\r\n")
    assert quiet_events(crlf) is None  # line ends that only the full reading takes
    assert quick.feed(whole) is full.feed(crlf)
    assert seen(quick) == seen(full)
    assert quick.out == full.out.replace(b"\r\n", b"\n")


def test_usual_bursts_take_the_quick_way() -> None:
    burst = b"".join(delta(n) for n in range(50)) + ITEM_DONE
    assert len(quiet_events(burst) or ()) == 51
    bare = burst.replace(b"event: response.output_text.delta\n", b"").replace(
        b"event: response.output_item.done\n", b""
    )
    assert len(quiet_events(bare) or ()) == 51
    assert quiet_events(burst + COMPLETED) is None
    assert quiet_events(bare + COMPLETED.replace(b"event: response.completed\n", b"")) is None


@given(_VALUE | _JSON, st.integers(0, 400))
def test_an_event_is_read_alike_by_its_type_and_as_any_json(value, at) -> None:
    data = _damaged(orjson.dumps(value), at).replace(b"\n", b"")
    assert read_event(data) == responses_event._read_any(data)


def test_a_usual_event_is_read_by_its_type() -> None:
    read = responses_event._decode(COMPLETED.split(b"data: ")[1])
    assert read.response is not None
    assert (read.type, read.response.status) == ("response.completed", "completed")
