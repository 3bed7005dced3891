"""Fuzz targets of what is done to streams as they pass: the pool's name put in, and continuing what broke.

Promises beside "no exception leaves": an event with another model is the same event but for that one value;
nothing of a continuation goes out before it has said all that was shown.
"""

import json
from collections.abc import Hashable, Iterable
from typing import Any, Final

import orjson

from interlock_protocols.continuing.continuation import Continuation
from interlock_protocols.continuing.joiner import Mismatch
from interlock_protocols.continuing.shown import Shown
from interlock_protocols.errors import OwnError
from interlock_protocols.splice.exposed_model import ExposedModel
from interlock_protocols.streams.scanner import EventScanner
from interlock_protocols.streams.sse import read_fields, split_events
from interlock_protocols.surface import Surface
from interlock_protocols.surfaces import SURFACES
from tests.drills.rig.fuzz_input import Target, control, cut, demand, with_control
from tests.drills.rig.fuzz_words import JSON_WORDS, SSE_WORDS
from tests.reference.differential import drawn

NAME: Final = "the-pool"
OWN: Final = OwnError(502, "truncated", "it broke off", None, "req-1", "upstream_error")
BODY: Final = (
    b'{"model":"m","messages":[{"role":"user","content":"hi"}],"prompt":"hi","max_tokens":9,"stream":true}'
)


def _passed(surface: Surface, number: int, data: bytes) -> tuple[EventScanner, list[bytes]]:
    """What of a stream goes out, piece by piece."""
    assert surface.scanner is not None
    scanner = surface.scanner(hold_events=8, hold_bytes=65536)
    pieces = []
    for chunk in cut(number, data):
        scanner.feed(chunk)
        if scanner.out:
            pieces.append(scanner.out)
    return scanner, pieces


def _continued(surface: Surface) -> Target:
    def run(data: bytes) -> Hashable:
        number, rest = control(data)
        scanner, pieces = _passed(surface, number, rest)
        assert surface.joiner is not None
        shown = Shown(surface.joiner())
        for piece in pieces[: (number >> 3) % (len(pieces) + 1)]:
            shown.sent(piece)
        texts = shown.texts()
        demand(bool(shown.in_band(scanner, OWN)), "a break can be told")
        if texts is None:
            return "lost"
        made = None if surface.prefill is None else surface.prefill(BODY, texts, shown.tokens)
        again = Continuation(shown.joiner, texts)
        for piece in pieces:
            out = again.feed(piece)
            if isinstance(out, Mismatch):
                return out, type(made).__name__
            demand(again.matched or not out, "nothing goes out before it has said all that was shown")
        return again.end(), type(made).__name__, bool(texts)

    return Target(
        name=f"continuations on {surface.path}", run=run, seeds=_seeds(surface), words=SSE_WORDS + JSON_WORDS
    )


def _exposed(surface: Surface) -> Target:
    path = {"messages": ("message", "model"), "responses": ("response", "model")}.get(
        surface.api.value, ("model",)
    )

    def run(data: bytes) -> Hashable:
        number, rest = control(data)
        _, pieces = _passed(surface, number, rest)
        exposed = ExposedModel(surface.api, NAME)
        renamed = 0
        for piece in pieces:
            new = exposed.piece(piece)
            renamed += new is not piece
            before, after = _values(piece), _values(new)
            demand(len(before) == len(after), "as many events as before")
            for was, told in zip(before, after, strict=True):
                # Unusual spellings (CR, data over several lines) may stay as they are.
                right = told == was or told == _named(was, path) or type(was[1]) is not dict
                demand(right, "the same event but for a name")
        return min(renamed, 4), len(pieces) > 1

    return Target(
        name=f"names exposed on {surface.path}", run=run, seeds=_seeds(surface), words=SSE_WORDS + JSON_WORDS
    )


def _values(piece: bytes) -> list[tuple[bytes, Any]]:
    found = []
    for event in split_events(piece):
        fields = read_fields(event)
        try:
            value = json.loads(fields.data or b"", parse_int=_number, parse_float=_number)
        except (ValueError, RecursionError):
            value = fields.data
        found.append((fields.name, value))
    return found


def _number(digits: str) -> tuple[str]:
    """A number as it is written, and no text."""
    return (digits,)


def _named(event: tuple[bytes, Any], path: tuple[str, ...]) -> tuple[bytes, Any]:
    """The event with the pool's name, where it has a name at the place of its API."""
    name, value = event
    inner = value
    for key in path[:-1]:
        inner = inner.get(key) if type(inner) is dict else None
    if type(inner) is dict and type(inner.get(path[-1])) is str:
        inner[path[-1]] = NAME
    return name, value


def _seeds(surface: Surface) -> Any:
    def seeds() -> Iterable[bytes]:
        for n in range(250):
            yield with_control(n * 7, b"".join(drawn(surface.api.value, n).chunks)[:8000])
        yield with_control(0, b"data: " + orjson.dumps({"model": "m", "choices": []}) + b"\n\n")

    return seeds


_STREAMED: Final = tuple(surface for surface in SURFACES if surface.joiner is not None)
TARGETS: Final = (*(_continued(one) for one in _STREAMED), *(_exposed(one) for one in _STREAMED))
