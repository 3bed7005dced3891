"""The event log port: an append-only order of events with positions counted from 1.

Promises every adapter keeps (tests/libs/interlock_eventlog/contract): positions become visible in
order, so a reader that polls "after last seen" loses nothing; `append` is all or nothing and
checks the expected version of each stream; appending an id that is already there returns where it
stands instead of a second copy; facts are appended without a check. Expected refusals are values.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from interlock_domain.recorded import NewEvent, RecordedEvent


class StreamAppend(Struct, frozen=True, kw_only=True):
    """Events for one decision stream; `expected_version` 0 = the stream is empty, None = any."""

    stream: str
    expected_version: int | None
    events: tuple[NewEvent, ...]


class Appended(Struct, frozen=True, kw_only=True):
    """Where the events stand. `position` is that of the last one; `versions` by stream."""

    position: int
    versions: dict[str, int]
    repeated: bool = False
    """True when the first id was in the log already: nothing was written."""


class VersionConflict(Struct, frozen=True, kw_only=True):
    """Somebody appended to `stream` first; nothing was written."""

    stream: str
    expected: int
    actual: int


class ReusedId(Exception):
    """A caller used one id for two events; a mistake in the caller, never a refusal."""


class UnreadableDecision(Exception):
    """A decision in the log that this program cannot read: its reader must stop before it.

    A fact that cannot be read is passed over instead: `read` gives a ClockTicked without a source in
    its place, since time did pass, and so every reader's position moves on.
    """


class FactSink(Protocol):
    """All that a gateway needs of a log: somewhere to put its facts."""

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """Append facts in order; returns when they are durable. Raises when any of them may not be."""
        ...


class LogReader(Protocol):
    """All that a reader of the history needs of a log; see EventLog for what each promises."""

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        ...

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog."""
        ...

    async def head(self) -> int:
        """See EventLog."""
        ...

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog."""
        ...


class EventLog(Protocol):
    """At most six methods; positions are integers from 1, `after=0` reads from the beginning."""

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """Append decisions durably (synced to disk before this returns), as one batch."""
        ...

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """Append facts without a version check; returns the position of the last.

        A fact whose id is in the log already is kept once, where it stands.
        """
        ...

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """Events with position > after, ascending, at most `limit`; decoded and upcast."""
        ...

    async def position_at(self, recorded_ms: int) -> int:
        """The position of the last event recorded at or before that moment; 0 when none."""
        ...

    async def head(self) -> int:
        """The last visible position; 0 for an empty log."""
        ...

    async def wait(self, after: int, timeout_s: float) -> bool:
        """True as soon as head() > after; False when the timeout passed first."""
        ...
