"""Undoing gzip that an upstream applied although identity was asked for.

The rule kept: output is bounded before it is made, so a small response cannot become a large one unseen; the
reader of a whole body has its own bound on the sum. Other encodings are passed on with their header: the
client may know them, and a decoder nobody asked for is only risk.
"""

import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
NAMES: Final = frozenset((b"gzip", b"x-gzip"))


class Gunzip:
    """A streaming decoder of one or more gzip members."""

    __slots__ = ("_inflate", "_more", "_rest", "_started")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)
        self._rest = b""
        self._more = False
        self._started = False

    @property
    def has_more(self) -> bool:
        """Whether `decode(b"", ...)` may still give output."""
        return self._more

    @property
    def cut(self) -> bool:
        """Whether the input so far ends inside a member."""
        return self._started and not self._inflate.eof

    def decode(self, data: bytes, limit: int) -> bytes:
        """Give at most `limit` bytes of output; the rest waits for further calls. Raises zlib.error."""
        data = self._rest + data
        self._rest = b""
        self._started = self._started or bool(data)
        out = b""
        while data or self._more:
            self._more = False
            if self._inflate.eof:
                data = data.lstrip(b"\0")  # padding after a member is common and means nothing
                if not data:
                    break
                self._inflate = zlib.decompressobj(_GZIP)
            out += self._inflate.decompress(data, limit - len(out))
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if len(out) == limit:
                self._more = True
                self._rest = data
                break
        return out
