"""Where the model's name stands in a request body, and how to change it without touching the rest.

Rule: every byte of the body other than that one value reaches the upstream as the client wrote it, so
numbers stay exact and unknown fields stay whole. The rival, parse and serialise again, was dropped: it
loses integers beyond 64 bits, duplicate keys and 1.0 against 1, and costs ten times as much.
"""

import re
from typing import Final

import orjson

Span = tuple[int, int]
"""Byte offsets of a JSON string, quotes included."""

MAX_TOKENS: Final = 1_000_000
"""Strings and brackets the structural scan looks at: about 0.2 s of work. A conversation of a million
model tokens has some ten thousand; more is a body made to keep the event loop busy."""

# Possessive throughout: a prompt of a million escapes must not pile up a million places to come back to.
_KEY: Final = b'"model"'
_VALUE: Final = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)
_STRING_VALUE: Final = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")', re.DOTALL)
_ESCAPED_LETTER: Final = b"\\u006"
"""Each letter of `model` is U+006x, so a key spelled with escapes always contains this."""


def model_span(body: bytes) -> Span | None:
    """The span of the top-level `model` of a body that is known to be a JSON object with such a string.

    None: too many tokens to look at.
    """
    first = body.find(_KEY)
    if first >= 0 and body.find(_KEY, first + 1) < 0 and _ESCAPED_LETTER not in body:
        found = _VALUE.match(body, first)
        if found is not None:
            return found.span(1)
    return _scan(body)


def with_model(body: bytes, span: Span, model: str) -> bytes:
    """The body with another model name; the same object when the name is already there."""
    name = orjson.dumps(model)
    start, end = span
    if body[start:end] == name:
        return body
    return b"".join((body[:start], name, body[end:]))


def _scan(body: bytes) -> Span | None:
    """The last top-level `model`, as the parser reads duplicates; strings are skipped whole."""
    span = None
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(body)):
        if count >= MAX_TOKENS:
            return None
        mark = body[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif depth == 1 and _is_model(token.group()):
            value = _STRING_VALUE.match(body, token.end())
            span = value.span(1) if value is not None else span
    return span


def _is_model(token: bytes) -> bool:
    return token == _KEY or (b"\\" in token and orjson.loads(token) == "model")
