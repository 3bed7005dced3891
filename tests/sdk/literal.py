"""Answers that the simulated provider has no voice for, byte by byte: vendors' rarer forms, odd framing.

Rule: what stands here is something a vendor documents or a server was seen to send. A voice for each was
dropped: a form that occurs in one case needs no generator.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from interlock_testing.answers import Step, chunked, response
from interlock_testing.behaviour import Behaviour

EVENTS: Final = "text/event-stream"
JSON: Final = "application/json"
PAUSE_MS: Final = 1.0
"""Between pieces: each is a read of its own at the other end, on most runs."""


class Literal(Struct, frozen=True, kw_only=True):
    """One answer. One piece goes out with its length, more as chunks one by one."""

    pieces: tuple[bytes, ...]
    kind: str = JSON

    def steps(self) -> Iterator[Step]:
        """What the provider writes."""
        if len(self.pieces) == 1:
            yield 0.0, response(200, self.pieces[0], self.kind)
            return
        head = ("HTTP/1.1 200 OK", f"content-type: {self.kind}", "transfer-encoding: chunked", "", "")
        yield 0.0, "\r\n".join(head).encode()
        for piece in self.pieces:
            yield PAUSE_MS, chunked(piece)
        yield 0.0, b"0\r\n\r\n"


Answer = Behaviour | Literal
Script = tuple[Answer, ...]
"""One answer after the other; the last one goes on for ever."""


def whole(value: Any) -> Literal:
    """A JSON body."""
    return Literal(pieces=(_json(value),))


def events(*values: Any, done: bool = True, named: bool = False, end: bytes = b"\n") -> Literal:
    """A stream of JSON events, one a piece; strings go out as they are."""
    pieces = [_event(value, named=named, end=end) for value in values]
    if done:
        pieces.append(b"data: [DONE]" + end + end)
    return Literal(pieces=tuple(pieces), kind=EVENTS)


def split(answer: Literal, size: int) -> Literal:
    """The same stream in pieces of so many bytes, whatever they cut through."""
    all_of_it = b"".join(answer.pieces)
    pieces = tuple(all_of_it[at : at + size] for at in range(0, len(all_of_it), size))
    return Literal(pieces=pieces, kind=answer.kind)


def burst(answer: Literal) -> Literal:
    """The same stream in one piece."""
    return Literal(pieces=(b"".join(answer.pieces),), kind=answer.kind)


def _event(value: Any, *, named: bool, end: bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    name = b"event: " + value["type"].encode() + end if named else b""
    return name + b"data: " + _json(value) + end + end


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
