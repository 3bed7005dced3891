"""Where values stand in the bytes of a JSON text: members of an object, elements of an array.

It owns spans only; nothing is decoded but the names of members. Rule: the text has been read by a parser
before, so what stands here is well formed, and of members with one name the last one counts, as it does for
parsers. A parser that keeps places was dropped: nearly every body is forwarded without one splice.
"""

import re
from collections.abc import Iterator
from typing import Final

import orjson

Span = tuple[int, int]
"""Byte offsets of a value: the first byte, and the one behind the last."""

MAX_TOKENS: Final = 1_000_000
"""Strings and brackets that a search of a whole text looks at: about 0.2 s of work. A conversation of a
million model tokens has some ten thousand; more is a body made to keep the event loop busy."""

# Possessive throughout: a prompt of a million escapes must not pile up a million places to come back to.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
TOKEN: Final = re.compile(_STRING + rb"|[{}\[\]]", re.DOTALL)
"""Strings and brackets: all that says how deep a place is."""
_NEXT: Final = re.compile(rb"[ \t\r\n,]*+")
_NAME: Final = re.compile(rb"(" + _STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_WHOLE_STRING: Final = re.compile(_STRING, re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb"[^ \t\r\n,\]}]++")


def value_end(text: bytes, start: int) -> int:
    """The offset behind the value that begins at `start`."""
    first = text[start : start + 1]
    if first == b'"':
        return _end_of(_WHOLE_STRING, text, start)
    if first not in (b"{", b"["):
        return _end_of(_SCALAR, text, start)
    depth = 0
    for token in TOKEN.finditer(text, start):
        mark = text[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if not depth:
                return token.end()
    raise ValueError("a value without an end")


def member(text: bytes, start: int, name: str) -> Span | None:
    """The value of a member of the object that begins at `start`; None: it has no such member."""
    found = None
    at = _end_of(_NEXT, text, start + 1)
    while text[at : at + 1] != b"}":
        named = _NAME.match(text, at)
        if named is None:
            raise ValueError("a member without a name")
        end = value_end(text, named.end())
        if _reads(named[1], name):
            found = (named.end(), end)
        at = _end_of(_NEXT, text, end)
    return found


def elements(text: bytes, start: int) -> Iterator[Span]:
    """The elements of the array that begins at `start`, in order."""
    at = _end_of(_NEXT, text, start + 1)
    while text[at : at + 1] != b"]":
        end = value_end(text, at)
        yield at, end
        at = _end_of(_NEXT, text, end)


def top_member(text: bytes, name: str) -> Span | None:
    """The value of a member of the object that a whole text is; None: no such member, or too many tokens."""
    found = None
    depth = 0
    for count, token in enumerate(TOKEN.finditer(text)):
        if count >= MAX_TOKENS:
            return None
        mark = text[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif depth == 1 and _reads(token.group(), name):
            colon = _COLON.match(text, token.end())
            if colon is not None:
                found = (colon.end(), value_end(text, colon.end()))
    return found


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    if found is None:
        raise ValueError("no JSON value where one must stand")
    return found.end()


def _reads(token: bytes, name: str) -> bool:
    """Whether a string token is the name, however it is spelled."""
    if b"\\" in token:
        return bool(orjson.loads(token) == name)
    return token[1:-1] == name.encode()
