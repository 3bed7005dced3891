"""A place in time: a position of the log, and the moment behind it when somebody asked for a moment."""

from msgspec import Struct


class Place(Struct, frozen=True, kw_only=True):
    """Where to read; `moment_ms` counts deadlines beyond the last event before it."""

    position: int
    moment_ms: int | None = None
