"""The pool's name where clients read `model`, in answers of pools with `expose_model: pool`.

It owns the places where each API has the model of an answer. Rule: only that one value changes, by splice; a
text, an argument or a vendor's field that holds the same words stays. An event that cannot be understood goes
out as it came: the scanner has judged it before.

Events of one stream begin alike up to the model, so for chat and completions the beginning of the first one
is put in place of all others at once. It begins with `data: {"`, which cannot stand inside a JSON string:
there each quote has a backslash before it.
"""

from typing import Final

import orjson

from interlock_domain.words import Api
from interlock_protocols.splice.model_name import model_span
from interlock_protocols.splice.spans import Span, member
from interlock_protocols.streams.sse import split_events

_KEY: Final = b'"model"'
_DATA: Final = b"data:"

_IN_EVENTS: Final = {
    Api.CHAT: ("model",),
    Api.COMPLETIONS: ("model",),
    Api.RESPONSES: ("response", "model"),
    Api.MESSAGES: ("message", "model"),
    Api.EMBEDDINGS: ("model",),
}
"""Where events have it. Whole answers have it at the root in every API."""


class ExposedModel:
    """What one request's answer shows instead of the upstream's own name."""

    __slots__ = ("_beginning", "_name", "_path", "_renamed", "served")

    def __init__(self, api: Api, name: str) -> None:
        self._path = _IN_EVENTS[api]
        self._name = orjson.dumps(name)
        self._beginning = b""
        """Of each event up to the model, as the upstream writes it; empty: not known, or not one for all."""
        self._renamed = b""
        self.served: str | None = None
        """The upstream's own name in a whole answer."""

    def whole(self, body: bytes, served: str | None) -> bytes:
        """A whole answer. `served`: the name that it was found to have at its root; None: it has none."""
        self.served = served
        span = None if served is None else model_span(body)
        return body if span is None else self._put(body, span)

    def piece(self, piece: bytes) -> bytes:
        """Whole events of a stream, as they go out; the same object when none of them names a model."""
        if _KEY not in piece:
            return piece
        beginning = self._beginning
        if beginning and piece.count(beginning) == piece.count(_KEY):
            return piece.replace(beginning, self._renamed)
        return b"".join([self._event(event) if _KEY in event else event for event in split_events(piece)])

    def _event(self, event: bytes) -> bytes:
        try:
            span = self._place(event)
        except ValueError:
            return event
        if span is None or event[span[0] : span[0] + 1] != b'"':
            return event
        renamed = self._put(event, span)
        if len(self._path) == 1 and _begins_flat(event, span[0]):
            self._beginning = event[: span[1]]
            self._renamed = renamed[: span[1] + len(renamed) - len(event)]
        return renamed

    def _place(self, event: bytes) -> Span | None:
        at = 0 if event.startswith(_DATA) else event.find(b"\n" + _DATA)
        start = event.find(b"{", at) if at >= 0 else -1
        if start < 0 or event.find(b"\n" + _DATA, start) >= 0:
            return None  # no object, or one in several lines: no upstream was seen to write that
        place: Span | None = (start, len(event))
        for name in self._path:
            if place is None or event[place[0] : place[0] + 1] != b"{":
                return None
            place = member(event, place[0], name)
        return place

    def _put(self, text: bytes, span: Span) -> bytes:
        return b"".join((text[: span[0]], self._name, text[span[1] :]))


def _begins_flat(event: bytes, at: int) -> bool:
    """Whether nothing but plain members stands before the model, and no second word like it behind."""
    before = event[len(b"data: {") : at]
    flat = event.startswith(b'data: {"') and b"{" not in before and b"[" not in before
    return flat and event.count(_KEY) == 1
