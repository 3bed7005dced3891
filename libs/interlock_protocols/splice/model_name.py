"""Where the model's name stands in a body, and how to change it without touching the rest.

Rule: every byte other than that one value reaches the upstream as the client wrote it, so numbers stay exact
and unknown fields stay whole. The rival, parse and serialise again, was dropped: it loses integers beyond 64
bits, duplicate keys and 1.0 against 1, and costs ten times as much.

Most bodies have the word once. In a long one it is quicker to try the first place: put another name there and
let the parser, which does not look at what it skips, say whether the body now has that name.
"""

import re
from typing import Final

import orjson
from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from interlock_protocols.splice.spans import MAX_TOKENS, Span, top_member

__all__ = ["MAX_TOKENS", "Span", "model_span", "with_model"]

_KEY: Final = b'"model"'
_VALUE: Final = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_ESCAPED_LETTER: Final = b"\\u006"
"""Each letter of `model` is U+006x, so a key spelled with escapes always contains this."""

_LONG: Final = 1536
"""Bytes from which on the parser is quicker than two searches of the whole body."""
_PROBE: Final = "\N{REPLACEMENT CHARACTER}interlock"


class _Named(Struct, gc=False):
    model: str


_decode_name: Final = Decoder(_Named).decode


def model_span(body: bytes) -> Span | None:
    """The span of the top-level `model` of a body that is known to be a JSON object with such a string.

    Of several the last one, as parsers read them. None: too many tokens to look at.
    """
    if len(body) >= _LONG:
        return _tried_span(body) or _searched_span(body)
    first = body.find(_KEY)
    # `in` would first take the needle for a number, and raise: that costs as much as the search.
    if first >= 0 and body.find(_KEY, first + 1) < 0 and body.find(_ESCAPED_LETTER) < 0:
        found = _VALUE.match(body, first)
        if found is not None:
            return found.span(1)
    return _searched_span(body)


def with_model(body: bytes, span: Span, model: str) -> bytes:
    """The body with another model name; the same object when the name is already there."""
    name = orjson.dumps(model)
    start, end = span
    if body[start:end] == name:
        return body
    return b"".join((body[:start], name, body[end:]))


def _tried_span(body: bytes) -> Span | None:
    """The first or the last place, if that is the one that counts."""
    for at in (body.find(_KEY), body.rfind(_KEY)):
        found = _VALUE.match(body, at) if at >= 0 else None
        if found is not None and _names_the_probe(with_model(body, found.span(1), _PROBE)):
            return found.span(1)
    return None


def _names_the_probe(body: bytes) -> bool:
    try:
        return _decode_name(body).model == _PROBE
    except (DecodeError, RecursionError):
        return False


def _searched_span(body: bytes) -> Span | None:
    found = top_member(body, "model")
    return found if found is not None and body[found[0]] in b'"' else None
