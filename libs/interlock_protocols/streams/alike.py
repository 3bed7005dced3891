"""Events that look alike, proved all at once.

Rule: a line for each event and one decode for all lines; what a type does not describe fails to decode. A
line end between `}` and `{` stands inside no JSON value, so no value can go over it: as many values as lines
means one in each. An array, which a comma joins, was dropped: in it an event cut short and one of two objects
would make up for each other.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import DecodeError

_JOINT: Final = b"}\n{"


class Alike:
    """Events that each begin with `head`, up to the `{` of their JSON, which `decode_lines` reads by type."""

    __slots__ = ("_border", "_decode_lines", "_head")

    def __init__(self, head: bytes, decode_lines: Callable[[bytes], list[Any]]) -> None:
        self._head = head
        self._border = b"}\n\n" + head
        self._decode_lines = decode_lines

    def count(self, whole: bytes) -> int:
        """How many events the whole ones are, when they are nothing else; else 0."""
        if not whole.startswith(self._head):
            return 0
        lines = whole[len(self._head) - 1 : -2].split(self._border)
        inside = b"".join(lines)
        if b"\n" in inside or b"\r" in inside:
            return 0
        try:
            if not whole.isascii():
                whole.decode()  # the decoder skips what it does not keep, bad UTF-8 included
            found = len(self._decode_lines(_JOINT.join(lines)))
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        return found if found == len(lines) else 0
