"""An event stream taken apart by the letter of the standard (HTML, 9.2.6), line by line.

Rule: an event ends at the first blank line behind its lines. Blank lines before these belong to it; but where
no whole event follows them yet, they are one that says nothing. A CR that is the last byte so far ends its
line at once: the LF that may follow is then a blank line of its own.
"""

import re
from typing import Final

from msgspec import Struct

BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


class Framed(Struct):
    """One event. `data` None: it has no data line; `comment`: it has nothing but comments and blank lines."""

    raw: bytes
    name: bytes = b""
    data: bytes | None = None
    comment: bool = True


class Framing:
    """Bytes in, whole events out; `waiting` is what has no end yet."""

    def __init__(self) -> None:
        self.waiting = b""
        self._begun = False

    def feed(self, chunk: bytes) -> list[Framed]:
        """The events that are whole by now."""
        self.waiting += chunk
        events = []
        while (end := _event_end(self.waiting)) is not None:
            events.append(self._taken(end))
        blank = self.waiting[: len(self.waiting) - len(self.waiting.lstrip(b"\r\n"))]
        if len(_LINE_END.findall(blank)) > (0 if events else 1):
            events.append(self._taken(len(blank)))
        return events

    def _taken(self, end: int) -> Framed:
        raw, self.waiting = self.waiting[:end], self.waiting[end:]
        return read_event(self._without_mark(raw))

    def rest(self) -> Framed | None:
        """The last event, whose blank line never came; None: there is none."""
        raw, self.waiting = self._without_mark(self.waiting), b""
        return read_event(raw.rstrip(b"\r\n") + b"\n\n") if raw.strip() else None

    def _without_mark(self, raw: bytes) -> bytes:
        """A byte order mark may stand before the first event only."""
        begun, self._begun = self._begun, True
        return raw if begun else raw.removeprefix(BOM)


def _event_end(waiting: bytes) -> int | None:
    begun, last = False, 0
    for found in _LINE_END.finditer(waiting):
        if found.start() > last:
            begun = True
        elif begun:
            return found.end()
        last = found.end()
    return None


def read_event(raw: bytes) -> Framed:
    """The lines of one event."""
    event, data = Framed(raw), []
    for line in _LINE_END.split(raw):
        if not line or line.startswith(b":"):
            continue
        event.comment = False
        field, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if field == b"event":
            event.name = value
        elif field == b"data":
            data.append(value)
    if data:
        event.data = b"\n".join(data)
    return event
