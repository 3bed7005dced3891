"""One reading of a feed for any number of followers: what a control plane passes on over HTTP.

Rule: the feed is read once, from the first follower on, and what it says is kept by key with the place of its
last change. A follower that names the version it holds gets what changed since the newest place at or before
that version; one that names none, or one from too long ago, gets the whole table. Nobody is told of an older
version than his own: he waits until this reading has come so far. A slow follower gets what he missed in one
piece.

Dropped: a reader of the topic for each follower, two connections and a whole table each; a queue for each
follower, which grows with the slowest one.
"""

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Final, cast

from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedReader, FeedUpdate
from interlock_feed.order import follows
from interlock_runtime.trouble import Trouble
from interlock_runtime.wake import Wake

PLACES: Final = 4_096
"""Versions that a follower may come back with: over an hour of a quiet cell, three minutes of a busy one."""
AGAIN_S: Final = 1.0
"""Before the feed is read anew when reading it failed."""

_log = logging.getLogger(__name__)

Version = tuple[int, int]
"""Generation and position."""


class SharedFeed:
    """FeedReader for many over one; `close` ends the reading."""

    def __init__(
        self,
        source: FeedReader,
        *,
        places: int = PLACES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._rows: dict[str, tuple[int, bytes | None]] = {}
        self._commit: CommitRow | None = None
        self._sequence = 0
        self._generation = 0
        self._positions: list[int] = []
        self._sequences: list[int] = []
        self._places = places
        self._wake = Wake()
        self._reading: asyncio.Task[None] | None = None
        self._trouble = Trouble(_log, "the state feed cannot be passed on", monotonic=monotonic)

    async def tail(
        self, after: Version | None = None, *, whole: bool = False
    ) -> AsyncGenerator[FeedUpdate, None]:
        """See FeedReader; `after`: what the follower holds, to whom nothing older is told, and who gets the
        difference unless he wants the `whole` table again."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        seen = None
        while True:
            if self._sequence == seen or self._is_behind(after):
                await self._wake.wait()
                continue
            assert self._commit is not None  # there is none as long as it is behind
            if seen is None:
                seen = 0 if whole else self._known(after)
            update = self._since(seen, self._commit)
            seen = self._sequence
            yield update

    async def close(self) -> None:
        """End the reading; followers that are left hear nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            try:
                tail = cast("AsyncGenerator[FeedUpdate, None]", self._source.tail())
                async with aclosing(tail) as updates:
                    async for update in updates:
                        self._trouble.is_over()
                        self._take(update)
            except Exception as failure:  # noqa: BLE001  what is held stays, whatever became of the source
                self._trouble.is_on(failure)
            await asyncio.sleep(AGAIN_S)

    def _take(self, update: FeedUpdate) -> None:
        commit = update.commit
        if not follows(commit, self._commit):
            return
        self._sequence += 1
        for key, row in (self._differing(update.rows) if update.whole else update.rows).items():
            self._rows.pop(key, None)
            self._rows[key] = (self._sequence, row)
        self._commit = commit
        self._note(commit)
        self._wake.ring()

    def _note(self, commit: CommitRow) -> None:
        if commit.generation != self._generation:
            self._generation = commit.generation
            self._positions.clear()
            self._sequences.clear()
        if self._positions and self._positions[-1] == commit.position:
            return  # the earlier place: who comes back with this version may have missed the rest
        self._positions.append(commit.position)
        self._sequences.append(self._sequence)
        if len(self._positions) >= 2 * self._places:
            del self._positions[: self._places], self._sequences[: self._places]
            oldest = self._sequences[0]
            self._rows = {
                key: (at, row) for key, (at, row) in self._rows.items() if row is not None or at > oldest
            }

    def _differing(self, rows: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        """What a whole table says otherwise: most of it is held already after an outage."""
        gone = {key: None for key, (_, row) in self._rows.items() if row is not None and key not in rows}
        changed = {key: row for key, row in rows.items() if self._rows.get(key, (0, None))[1] != row}
        return {**gone, **changed}

    def _is_behind(self, after: Version | None) -> bool:
        held = self._commit
        return held is None or (after is not None and (held.generation, held.position) < after)

    def _known(self, after: Version | None) -> int:
        """The newest place at or before that version; 0 when there is none."""
        if after is None or after[0] != self._generation:
            return 0
        found = bisect_right(self._positions, after[1])
        return self._sequences[found - 1] if found else 0

    def _since(self, seen: int, commit: CommitRow) -> FeedUpdate:
        whole = not self._sequences or seen < self._sequences[0]  # what was removed before is forgotten
        rows: dict[str, bytes | None] = {}
        for key, (at, row) in reversed(self._rows.items()):
            if at <= seen and not whole:
                break
            if row is not None or not whole:
                rows[key] = row
        return FeedUpdate(commit=commit, rows=rows, whole=whole)
