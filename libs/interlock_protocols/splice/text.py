"""JSON as clients read it: all that RFC 8259 allows, and nothing else.

It owns what our quick readers refuse although every client takes it: half of a surrogate pair, which a proxy
writes that cuts an answer in the middle of an emoji, and a number beyond a double. Rule: the strict reader
comes first, because it is quick and nearly always right; only what it refuses is read again. To take a stream
for malformed over such an escape was dropped: it cuts an answer that the client would have shown.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import orjson
from msgspec import DecodeError

Kind = TypeVar("Kind")

LENIENT_BYTES: Final = 1024 * 1024
"""Longer documents are read strictly: the second reader takes up to 60 ms for as many, and the loop waits."""

_LONGEST_WHOLE: Final = 20
"""Digits and sign of a whole number in 64 bits; a longer one reads as a float, as the strict reader does."""

_HALVES: Final = re.compile(
    r"((?:[^\\]++"
    r"|\\(?!u[dD][89a-fA-F])."
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})++)"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    re.DOTALL,
)
"""Text in which every surrogate has its other half, as far as it goes; or one that has none."""


class NotJson(ValueError):
    """No document that a client could read."""


def read_json(data: bytes) -> Any:
    """The value of a document; half a surrogate pair reads as U+FFFD, which orjson writes. Raises NotJson."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as strict:
        if len(data) > LENIENT_BYTES:
            raise NotJson(str(strict)) from None
    try:
        whole = _HALVES.sub(_paired, data.decode())
        return json.loads(whole, parse_int=_whole_number, parse_constant=_refuse)
    except (ValueError, RecursionError) as why:
        raise NotJson(str(why)) from None


def read_usual(decode: Callable[[bytes], Kind], data: bytes) -> Kind | None:
    """The document as a typed decoder has it; None: it is none of the usual ones, to be read in full."""
    try:
        value = decode(data)
        if not data.isascii():
            data.decode()  # the decoder skips what it does not keep, bad UTF-8 included
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value


def _paired(found: re.Match[str]) -> str:
    return found[1] or "\\ufffd"


def _whole_number(digits: str) -> int | float:
    if len(digits) > _LONGEST_WHOLE or not -(1 << 63) <= int(digits) < 1 << 64:
        return float(digits)
    return int(digits)


def _refuse(name: str) -> Any:
    raise NotJson(name)
