"""What all generated streams are made of: draws from a seed, texts, odd values, and events not yet spelt.

Rule: one seed is one stream, on every machine; a stream tells which kinds of things are in it, so that a run
can show that each was met. Hypothesis was left to small tests: a million streams need a thousand a second.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import orjson
from msgspec import Struct, field

T = TypeVar("T")

MARKERS: Final = (
    "[DONE]",
    "data: [DONE]\n\n",
    '"error"',
    '{"error":{"code":500}}',
    "event: error\n\n",
    "response.completed",
    "response.created",
    '"type":"message_stop"',
    '"finish_reason":"stop"',
    "message_start",
    '","content":"',
    "}\n\ndata: {",
    '"}}]}',
    "\\",
    '"',
    "\r\n\r\n",
)
"""Texts that look like the framing, the errors and the ends of these APIs."""
TEXTS: Final = (
    "",
    " ",
    "hello",
    " world",
    " wörld",
    "日本",
    "\U0001f600",
    "line\nbreak",
    'say "hi"',
    "a\\b",
    "x" * 300,
    "\u2028",
    "\x7f\x00",
    *MARKERS,
)
PLAIN: Final = ("hello", " world", ".", " it's", " a", " longer piece of text")
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    7,
    1.0,
    0.5,
    2**53,
    2**53 + 1,
    2**63,
    10**19,
    "",
    "x",
    "0",
    "stop",
    "error",
    [],
    [1],
    [{}],
    {},
    {"a": 1},
    {"error": {"code": 500}},
    {"choices": []},
)
"""Values for places where they do not belong."""


class Event(Struct):
    """An event as meant: its name, and its data as JSON text. `raw`: bytes as they are, whatever they are."""

    name: str = ""
    data: bytes = b""
    raw: bytes | None = None


class Stream(Struct):
    """A stream as it comes, in chunks; `kinds` is what was put into it."""

    chunks: list[bytes]
    hold_events: int = 8
    hold_bytes: int = 65536
    kinds: set[str] = field(default_factory=set)


class Draw(random.Random):
    """Draws for one stream, and the writer of its JSON."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.kinds: set[str] = set()
        self.write: Callable[[Any], bytes] = _writer(self)

    def chance(self, share: float) -> bool:
        """Whether, in so many of all cases."""
        return self.random() < share

    def one(self, of: Sequence[T]) -> T:
        """Any of these: `choice` without its slow draw."""
        return of[int(self.random() * len(of))]

    def text(self) -> str:
        """A piece of an answer; most are plain."""
        return self.one(PLAIN) if self.random() < 0.7 else self.one(TEXTS)

    def odd(self) -> Any:
        """A value of any type."""
        return self.one(ODD)

    def note(self, kind: str) -> None:
        """Something of this kind is in the stream."""
        self.kinds.add(kind)


def _compact_ascii(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _spaced(value: Any) -> bytes:
    return json.dumps(value).encode()


def _spaced_unicode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _slashed(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def _indented(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _writer(draw: Draw) -> Callable[[Any], bytes]:
    """How one vendor writes JSON; an indented document becomes several data lines."""
    at = draw.random()
    if at < 0.6:
        return orjson.dumps
    if at < 0.75:
        return _spaced
    if at < 0.85:
        return _compact_ascii
    if at < 0.92:
        return _spaced_unicode
    if at < 0.97:
        return _slashed
    draw.note("data in several lines")
    return _indented
