"""JSON that is changed and written again with every number as it was written.

It owns a parser and a writer that agree: numbers stay their own text (1.0, 1e400, integers of a thousand
digits), members keep their order, strings their characters. Rule: only for values that change; what stays is
spliced as bytes. orjson was dropped here: above 64 bits it reads integers as floats, and 1e400 not at all.
"""

import json
from json.encoder import encode_basestring
from typing import Any, Final, Self

_quoted: Final = encode_basestring


class Number(float):
    """A JSON number: its value as far as a float goes, and its text, by which it equals another."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __eq__(self, other: object) -> bool:
        return type(other) is Number and other.text == self.text

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def whole(self) -> bool:
        """Whether it is an integer, also when it is written as one with a fraction of zero."""
        return self.is_integer() or self.text.lstrip("-").isdigit()


def parse(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError; RecursionError for one nested a thousand deep."""
    return json.loads(text.decode(), parse_int=Number, parse_float=Number, parse_constant=_refuse)


def write(value: Any) -> bytes:
    """A value as compact JSON. Raises RecursionError, and UnicodeEncodeError for half a surrogate pair."""
    parts: list[str] = []
    _put(parts, value)
    return "".join(parts).encode()


def _put(parts: list[str], value: Any) -> None:
    if type(value) is str:
        parts.append(_quoted(value))
    elif type(value) is dict:
        before = "{"
        for key, held in value.items():
            parts += (before, _quoted(key), ":")
            _put(parts, held)
            before = ","
        parts.append("}" if value else "{}")
    elif type(value) is list:
        before = "["
        for held in value:
            parts.append(before)
            _put(parts, held)
            before = ","
        parts.append("]" if value else "[]")
    else:
        parts.append(value.text if type(value) is Number else _WORDS[value])


_WORDS: Final = {None: "null", True: "true", False: "false"}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
