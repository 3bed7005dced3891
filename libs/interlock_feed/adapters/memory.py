"""The feed in memory: for tests, simulations and a gateway beside its projector.

Rule: a slow reader gets what changed since its last update in one piece, with the newest commit;
what lay between is gone, as in a compacted topic. Rows are kept in the order of their last change,
so a reader walks back over what it has not seen and no further.
"""

from collections.abc import AsyncIterator, Mapping

from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows
from interlock_runtime.wake import Wake


class MemoryFeed:
    """FeedPublisher and FeedReader of one process; removed keys stay as None for readers behind."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, bytes | None]] = {}
        self._commit: CommitRow | None = None
        self._sequence = 0
        self._wake = Wake()

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        """See FeedPublisher; a commit that may not follow the held one is passed over."""
        if not follows(commit, self._commit):
            return
        self._sequence += 1
        for key, row in rows.items():
            self._rows.pop(key, None)
            self._rows[key] = (self._sequence, row)
        self._commit = commit
        self._wake.ring()

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        """See FeedReader."""
        seen = 0
        while True:
            if self._commit is None or self._sequence == seen:
                await self._wake.wait()
                continue
            update = FeedUpdate(commit=self._commit, rows=self._since(seen), whole=seen == 0)
            seen = self._sequence
            yield update

    def _since(self, seen: int) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        for key, (sequence, row) in reversed(self._rows.items()):
            if sequence <= seen:
                break
            if row is not None or seen > 0:
                found[key] = row
        return found
