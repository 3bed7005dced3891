"""The journal port: the order of decisions, where a cluster keeps it apart from the log of everything.

Rule: a decision is acknowledged once it stands here; the relay copies it to the log and notes where. Journal
positions (`j<n>`) are contiguous and their own count; `log_position` translates. In an embedded run the log
is its own journal and both counts are one.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict


class Unpublished(Struct, frozen=True, kw_only=True):
    """A decision that the log does not hold yet, as it will stand there."""

    position: int
    stream: str
    version: int
    id: str
    type: str
    body: bytes


class PublishedAt(Struct, frozen=True, kw_only=True):
    """Where the log's copy of a journal entry stands."""

    position: int
    log_position: int
    log_ms: int


class Journal(Protocol):
    """Decisions in order. `append`, `head`, `read` and `wait` keep the promises of EventLog, on journal
    positions; `recorded_ms` is the database's clock."""

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog; the position is the journal's."""
        ...

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog; positions are the journal's."""
        ...

    async def head(self) -> int:
        """The last journal position; 0 for an empty journal."""
        ...

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        """Where the log holds this entry, once it does; None when the timeout passed first."""
        ...


class Outbox(Protocol):
    """The relay's side of the journal."""

    async def unpublished(self, limit: int) -> list[Unpublished]:
        """The first entries without a log position, in order."""
        ...

    async def published(self, places: Sequence[PublishedAt], generation: int) -> None:
        """Note where the log's copies stand."""
        ...

    async def publish_again(self, stream: str, version: int) -> int:
        """Forget the places from this entry on, so that they are sent again; returns how many."""
        ...

    async def wait(self, timeout_s: float) -> bool:
        """True as soon as something may be unpublished; False when the timeout passed first."""
        ...
