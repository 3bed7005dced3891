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
