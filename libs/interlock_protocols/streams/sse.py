"""Server-sent events as bytes: where events end, and what one event says.

It owns framing only. Rule: bytes leave as they came; nothing is decoded, normalised or copied unless
the transport cut an event in two. LF, CR and CRLF all end lines, as the standard has it; a pair cut
between its CR and its LF does no harm, since the late LF reads as a blank line and means nothing.
A line-by-line decoder was dropped: it costs more for each token than everything else on the path.
"""

import re
from typing import Final

from msgspec import Struct

BOM: Final = b"\xef\xbb\xbf"
DONE: Final = b"[DONE]"
DONE_EVENT: Final = b"data: [DONE]\n\n"

BORDER: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
TEXT: Final = re.compile(rb"[^\r\n]")
_CR_BORDERS: Final = (b"\n\r\n", b"\r\r\n", b"\r\r", b"\n\r")
_LOOK_BACK: Final = 1
"""Bytes of a border that was cut in two in the earlier piece: any two line ends already are a border."""


def border_end(buffer: bytes | bytearray, start: int = 0) -> int:
    """The offset behind the last whole event; 0 when no border begins at or after `start`."""
    end = buffer.rfind(b"\n\n", start) + 2
    if end == 1:
        end = 0
    if buffer.find(b"\r", start) >= 0:
        for border in _CR_BORDERS:
            at = buffer.rfind(border, start)
            if at >= 0:
                end = max(end, at + len(border))
    return end


def split_events(whole: bytes) -> list[bytes]:
    """The events of a buffer that ends at a border, each with its own line ends."""
    events = []
    start = 0
    for border in BORDER.finditer(whole):
        events.append(whole[start : border.end()])
        start = border.end()
    if start < len(whole):
        events.append(whole[start:])
    return events


class Fields(Struct, frozen=True):
    """What one event says. `data` None: no data line; `silent`: nothing but comments and blank lines."""

    name: bytes
    data: bytes | None
    silent: bool


def read_fields(event: bytes) -> Fields:
    """Read the lines of one event; several data lines are joined by LF, as the standard has it."""
    name = b""
    data: list[bytes] = []
    silent = True
    for line in event.splitlines():
        if not line or line.startswith(b":"):
            continue
        silent = False
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Fields(name, b"\n".join(data) if data else None, silent)


class EventCutter:
    """Gives out whole events and keeps the rest for the next chunk."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = bytearray()
        """The event whose end has not arrived; others only look whether it is there and how long."""

    def cut(self, chunk: bytes) -> bytes:
        """All events that are whole by now; the chunk itself when it ends at a border and nothing waits."""
        rest = self.rest
        if rest:
            start = max(len(rest) - _LOOK_BACK, 0)
            rest += chunk
            end = border_end(rest, start)
            whole = bytes(rest[:end])
            del rest[:end]
            return whole
        end = border_end(chunk)
        if end == len(chunk):
            return chunk
        rest += chunk[end:]
        return chunk[:end]

    def take(self) -> bytes:
        """The rest, which will not become whole."""
        rest = bytes(self.rest)
        self.rest.clear()
        return rest
