"""The W3C header `traceparent`: where in which trace its sender was, as text.

Rule: reading is total; what is no valid header says None, whoever sent it. A propagator of the SDK was
dropped: it asks for a carrier and gives a context, twenty times the work, and the projector reads these out
of records without any SDK at hand.
"""

import re
from typing import Final

from msgspec import Struct

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NEWEST: Final = "00"
SAMPLED: Final = 1


class Place(Struct, frozen=True):
    """A span of somebody: its trace, itself, and whether the trace is kept."""

    trace: int
    span: int
    sampled: bool

    def header(self) -> str:
        """The same as a header."""
        return f"{_NEWEST}-{self.trace:032x}-{self.span:016x}-{int(self.sampled):02x}"


def read_traceparent(text: str) -> Place | None:
    """The place; None when the text is none. A later version may have more after ours, ours may not."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == _NEWEST and more is not None):
        return None
    place = Place(int(trace, 16), int(span, 16), bool(int(flags, 16) & SAMPLED))
    return place if place.trace and place.span else None
