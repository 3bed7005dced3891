"""Pacing of the state feed: which rows wait for publication, and when they go out.

Rule: the first change after a quiet spell goes out at once (leading edge), later ones when the last change
is 50 ms old, and a commit goes out at least each second so that readers can tell quiet from dead. A commit
that only moves the position (most records change no row) is no change: it goes out ten times a second, and
no change waits for it. Rows wait here until the publish succeeded, the newest payload of each key winning.
Dropped: a fixed timer, which delays every first cooldown by half its period; publishing per record, which
floods readers in a burst; one spacing for all commits, which made a cooldown wait behind the reports of a few
gateways.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedPublisher, FeedReader

SPACING_S: Final = 0.05
"""Between commits under load: 20 a second is what a gateway recompiles without noticing (hot-path.md)."""
MOVED_S: Final = 0.1
"""Between commits that change no row: each costs every gateway a swap and tells it nothing but the time."""
HEARTBEAT_S: Final = 1.0
"""Between commits at rest: a third of the 3 s that count as fresh (safety.md), so two may get lost."""

BOOTSTRAP_S: Final = 2.0
"""An adapter hands over its whole table at once; an empty feed says nothing, so long do we listen."""


class Feed(FeedPublisher, FeedReader, Protocol):
    """The feed as its owner needs it: to write, and to see once what a former owner left there."""


async def published_rows(feed: FeedReader) -> dict[str, bytes]:
    """The rows that readers hold now; none when nothing was ever published."""
    updates = feed.tail()
    try:
        async with asyncio.timeout(BOOTSTRAP_S):
            first = await anext(updates)
    except TimeoutError:
        return {}
    finally:
        close = getattr(updates, "aclose", None)
        if close is not None:
            await close()
    return {key: row for key, row in first.rows.items() if row is not None}


class FeedPacer:
    """Collects changed rows and publishes them with the commit that they belong to."""

    def __init__(self, feed: FeedPublisher) -> None:
        self._feed = feed
        self._rows: dict[str, bytes | None] = {}
        self._moved = False
        self._last: float | None = None
        self._last_change = float("-inf")
        self.position = 0

    def add(self, rows: Mapping[str, bytes | None]) -> None:
        """Take over what a view commit changed; the position moved even when no row did."""
        self._rows.update(rows)
        self._moved = True

    def due_in(self, now: float) -> float:
        """Seconds until the next publish; 0 when it is due."""
        if self._last is None:
            return 0.0
        if self._rows:
            return max(0.0, self._last_change + SPACING_S - now)
        return max(0.0, self._last + (MOVED_S if self._moved else HEARTBEAT_S) - now)

    async def publish(self, commit: CommitRow, now: float) -> None:
        """Publish everything that waits; on an error it goes on waiting. More may be added meanwhile."""
        sent, self._rows, self._moved = self._rows, {}, False
        try:
            await self._feed.publish(commit, sent)
        except BaseException:
            self._rows, self._moved = sent | self._rows, True
            raise
        self.position = commit.position
        self._last = now
        if sent:
            self._last_change = now
