"""Undoing what an upstream did to a body although identity was asked for: gzip and deflate, nothing else.

The rule kept: output is bounded before it is made, so a small response cannot become a large one unseen; the
reader of a whole body has its own bound on the sum. Any other coding (br, zstd) ends the attempt: what cannot
be read cannot be judged, and the client never offered it to this upstream. A library for them was dropped:
those at hand give no bound on their output.
"""

import zlib
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_GZIPPED: Final = frozenset((b"gzip", b"x-gzip"))
_PLAIN: Final = frozenset((b"", b"identity"))


class Decoder:
    """A streaming decoder of one or more members of one coding."""

    __slots__ = ("_inflate", "_known", "_more", "_rest", "_started", "_wbits", "coding")

    def __init__(self, coding: bytes) -> None:
        self.coding = coding.decode("latin-1")
        self._known = coding in _GZIPPED or coding == b"deflate"
        self._wbits = _GZIP if coding in _GZIPPED else 0
        self._inflate = zlib.decompressobj(self._wbits or zlib.MAX_WBITS)
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
        if not self._known:
            raise zlib.error("unknown coding")
        data = self._rest + data
        self._rest = b""
        self._started = self._started or bool(data)
        if not self._wbits and data:
            self._wbits = _wbits_of_deflate(data)
            self._inflate = zlib.decompressobj(self._wbits)
        out = b""
        while data or self._more:
            self._more = False
            if self._inflate.eof:
                data = data.lstrip(b"\0")  # padding after a member is common and means nothing
                if not data:
                    break
                self._inflate = zlib.decompressobj(self._wbits)
            out += self._inflate.decompress(data, limit - len(out))
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if len(out) == limit:
                self._more = True
                self._rest = data
                break
        return out


def decoder_of(coding: bytes) -> Decoder | None:
    """What undoes a Content-Encoding; None: there is nothing to undo."""
    name = coding.strip().lower()
    return None if name in _PLAIN else Decoder(name)


def _wbits_of_deflate(data: bytes) -> int:
    """By the first byte: `deflate` means zlib's format, and some servers send the bare one under its name.

    A bare stream begins with the type of its first block in bits 1 and 2; zlib's 8 in the low half would be
    a block of type 0, which no compressor makes of text.
    """
    return zlib.MAX_WBITS if data[0] & 0x0F == 8 else _RAW
