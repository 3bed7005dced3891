"""A place in time: a position of the log, and the moment behind it when somebody asked for a moment.

Rule: a position says in which count it stands: `<n>` and `g<generation>:<n>` in the log, `j<n>` in the
journal. Embedded, the log is its own journal and all three are one count.
"""

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

_VERSION: Final = re.compile(r"g(\d{1,9}):(\d{1,18})")
_POSITION: Final = re.compile(r"(?P<journal>j)?(?:g(?P<generation>\d{1,9}):)?(?P<number>\d{1,18})")
"""At most 18 digits: more do not fit the stores' 64 bits."""


class Count(StrEnum):
    """What a position counts."""

    LOG = "log"
    JOURNAL = "journal"


class Position(Struct, frozen=True, kw_only=True):
    """A position as it was written; `generation` when it was said."""

    number: int
    count: Count = Count.LOG
    generation: int | None = None


class Place(Struct, frozen=True, kw_only=True):
    """Where to read; `moment_ms` counts deadlines beyond the last event before it."""

    position: int
    moment_ms: int | None = None


def parse_version(text: str) -> tuple[int, int] | None:
    """(generation, position) of a snapshot version, or None."""
    found = _VERSION.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))


def parse_position(text: str) -> Position | None:
    """The position that a text names, or None when it is none."""
    found = _POSITION.fullmatch(text)
    if found is None or (found["journal"] and found["generation"]):
        return None
    return Position(
        number=int(found["number"]),
        count=Count.JOURNAL if found["journal"] else Count.LOG,
        generation=int(found["generation"]) if found["generation"] else None,
    )
