"""How events are written, how what was written gets damaged, and where the transport cuts it.

Rule: what is only spelt in another way (line ends, blanks, the order of lines, comments) means the same; the
reference says so, not this module.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from msgspec import Struct

from tests.reference.faults import damaged
from tests.reference.framing import BOM
from tests.reference.grammar import Draw, Event

LINE_ENDS: Final = (b"\n", b"\r\n", b"\r")
MORE_LINES: Final = (b"id: 7", b"retry: 10", b": comment", b"notes: x", b"data", b"event: other", b"id")


class Spelling(Struct):
    """How one vendor writes. `end` empty: every line end is drawn."""

    end: bytes
    tight: bool
    bare_names: bool
    unusual: bool
    torn: bool


def _spelling(draw: Draw) -> Spelling:
    end = b"\n"
    if draw.chance(0.2):
        end = draw.choice((b"\r\n", b"\r\n", b"\r", b""))
        draw.note({b"\r\n": "CRLF", b"\r": "CR", b"": "mixed line ends"}[end])
    return Spelling(end, *(draw.chance(share) for share in (0.1, 0.05, 0.15, 0.08)))


def spelt(draw: Draw, events: list[Event]) -> bytes:
    """The stream as it is sent."""
    how = _spelling(draw)
    pieces = []
    if draw.chance(0.03):
        draw.note("byte order mark")
        pieces.append(BOM)
    for event in events:
        pieces += [event.raw] if event.raw is not None else _written(draw, how, event)
    return b"".join(pieces)


def _written(draw: Draw, how: Spelling, event: Event) -> list[bytes]:
    """One event, in pieces."""
    lines = [*_lines(event, tight=how.tight, named=how.bare_names and not event.name), b""]
    if how.unusual and draw.chance(0.2):
        lines = _unusual(draw, lines)
    if how.torn and draw.chance(0.2):
        lines = _torn(draw, lines)
    pieces = [line + (how.end or draw.one(LINE_ENDS)) for line in lines]
    if how.torn and draw.chance(0.05):
        draw.note("events glued together")
        pieces = [b"".join(pieces).rstrip(b"\r\n")]
    if how.unusual and draw.chance(0.1):
        draw.note("blank lines more")
        pieces.append(how.end or draw.one(LINE_ENDS))
    return pieces


def _lines(event: Event, *, tight: bool, named: bool) -> list[bytes]:
    blank = b":" if tight else b": "
    name = "message" if named else event.name
    lines = [b"event" + blank + name.encode()] if name else []
    return lines + [b"data" + blank + line for line in event.data.split(b"\n")]


def _unusual(draw: Draw, lines: list[bytes]) -> list[bytes]:
    """The lines of one event in another order, or with more among them."""
    if draw.chance(0.3):
        draw.note("lines in another order")
        return [*lines[-2::-1], b""] if len(lines) < 4 else lines
    draw.note("more lines in an event")
    at = draw.randrange(len(lines))
    return [*lines[:at], draw.one(MORE_LINES), *lines[at:]]


def _torn(draw: Draw, lines: list[bytes]) -> list[bytes]:
    """Lines that look right by their number or their length, and are not: this is seldom what was meant."""
    at = draw.random()
    if at < 0.3:
        draw.note("a border that is none")
        return lines[:-1] + draw.one(([], [b": c"], [b"id: 7"], [b"notes: x"]))
    if at < 0.5:
        draw.note("a field of another name")
        return [
            line.replace(b"data: ", draw.one((b"notes:", b"dat", b"DATA: ", b": data "))) for line in lines
        ]
    draw.note("a line end inside data")
    broken = lines[-2].split(b",")
    cut_at = draw.randrange(len(broken))
    halves = [b",".join(broken[:cut_at]), b"," * bool(cut_at) + b",".join(broken[cut_at:])]
    return [*lines[:-2], *halves, b""]


def ended(draw: Draw, stream: bytes) -> bytes:
    """The stream whole, cut short or damaged."""
    at = draw.random()
    if at < 0.12:
        draw.note("cut short")
        return stream[: draw.randrange(len(stream) + 1)]
    if at < 0.16:
        draw.note("cut in its last bytes")
        return stream[: max(0, len(stream) - draw.randint(1, 12))]
    if at < 0.24:
        draw.note("damaged bytes")
        return damaged(draw, stream)
    return stream


def cut(draw: Draw, stream: bytes) -> list[bytes]:
    """The chunks in which it comes."""
    size = len(stream)
    name, borders = draw.one(WAYS)
    draw.note(f"cut: {name}")
    edges = sorted({0, size, *(each for each in borders(draw, stream) if 0 < each < size)})
    return [stream[a:b] for a, b in pairwise(edges)]


def _anywhere(draw: Draw, stream: bytes) -> list[int]:
    return [draw.randrange(len(stream) + 1) for _ in range(draw.choice((1, 2, 3, 8)))]


def _at_events(draw: Draw, stream: bytes) -> list[int]:
    """Where events end, as far as LF tells; at some of these a byte early or late."""
    found, at = [], stream.find(b"\n\n")
    while at >= 0:
        if draw.chance(0.8):
            found.append(at + 2 + (draw.one((-2, -1, 1)) if draw.chance(0.1) else 0))
        at = stream.find(b"\n\n", at + 2)
    return found


def _at_line_ends(draw: Draw, stream: bytes) -> list[int]:
    return [at + draw.one((0, 1)) for at, byte in enumerate(stream) if byte in (10, 13) and draw.chance(0.5)]


def _in_steps(draw: Draw, stream: bytes) -> list[int]:
    return list(range(0, len(stream), draw.choice((7, 40, 100, 1000))))


def _bytewise(draw: Draw, stream: bytes) -> list[int]:
    """Each byte by itself, of a part of the stream."""
    start = draw.randrange(len(stream) + 1)
    return list(range(start, start + 150))


def _nowhere(draw: Draw, stream: bytes) -> list[int]:
    return []


WAYS: Final[tuple[tuple[str, Callable[[Draw, bytes], list[int]]], ...]] = (
    ("nowhere", _nowhere),
    ("anywhere", _anywhere),
    ("anywhere", _anywhere),
    ("at events", _at_events),
    ("at events", _at_events),
    ("at line ends", _at_line_ends),
    ("in steps", _in_steps),
    ("byte by byte", _bytewise),
)
