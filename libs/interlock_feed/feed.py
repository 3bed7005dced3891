"""The state feed port: rows that the projector publishes and gateways build snapshots from.

Rows are applied at `_commit` only, all of one commit at once; a reader never sees a version go back
within a generation. `tail` yields the current whole table first, then changes: there is no gap
between bootstrap and tail.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from msgspec import Struct

from interlock_domain.rows import CommitRow


class FeedUpdate(Struct, frozen=True, kw_only=True):
    """One commit and the rows it changed; a value of None removes the key.

    `whole` True: `rows` is the complete table and replaces whatever the reader held.
    """

    commit: CommitRow
    rows: dict[str, bytes | None]
    whole: bool = False


class FeedReader(Protocol):
    """What a gateway follows."""

    def tail(self) -> AsyncIterator[FeedUpdate]:
        """The whole table at once (when there is any commit), then every later commit."""
        ...


class FeedPublisher(Protocol):
    """What the projector writes."""

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        """Make the rows and then the commit visible, atomically for readers."""
        ...


class LastKnownGood(Struct, frozen=True, kw_only=True):
    """A table that was good once, and the wall clock of its writing (ms)."""

    commit: CommitRow
    rows: dict[str, bytes]
    written_wall_ms: int


class SnapshotStore(Protocol):
    """Where a gateway keeps its last known good table across its own restarts."""

    def save(self, commit: CommitRow, rows: Mapping[str, bytes], wall_ms: int) -> None:
        """Replace what is kept, atomically and synced. Raises OSError."""
        ...

    def load(self) -> LastKnownGood | None:
        """What is kept; None when there is nothing or it cannot be trusted. Never raises."""
        ...
