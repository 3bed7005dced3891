"""The query port beside the log: pages of recorded bodies for people, undecoded.

Rule: a page costs no decoding; bodies are JSON already and go out as they are. Folds use
`EventLog.read`, never this. Only logs that keep an index offer it (Kafka does not).
"""

from typing import Protocol

from msgspec import Struct


class EventFilter(Struct, frozen=True, kw_only=True):
    """Which events; all bounds inclusive. `after` is the last position of the previous page, in
    reading order: with `newest` the page goes on below it (0 = start at the newest)."""

    stream: str | None = None
    subject: str | None = None
    type: str | None = None
    from_position: int | None = None
    to_position: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    after: int = 0
    limit: int = 100
    newest: bool = False


class RawEvent(Struct, frozen=True, kw_only=True):
    """One record as stored; `body` is the envelope's JSON."""

    position: int
    recorded_ms: int
    stream: str
    type: str
    body: bytes


class EventQueries(Protocol):
    """Finding events by what they are about."""

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """Matching records, ascending, or newest first."""
        ...
