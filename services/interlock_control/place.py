"""A place in time: a position of the log, and the moment behind it when somebody asked for a moment."""

import re
from typing import Final

from msgspec import Struct

_VERSION: Final = re.compile(r"g(\d{1,9}):(\d{1,18})")


class Place(Struct, frozen=True, kw_only=True):
    """Where to read; `moment_ms` counts deadlines beyond the last event before it."""

    position: int
    moment_ms: int | None = None


def parse_version(text: str) -> tuple[int, int] | None:
    """(generation, position) of a snapshot version, or None."""
    found = _VERSION.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))
