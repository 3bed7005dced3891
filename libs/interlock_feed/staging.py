"""From rows and commits as they arrive to whole updates: what every reader of a stamped stream does.

Rule: rows wait until a commit proves them; a commit is believed only when its digest is that of the table it
closes, and what is handed out never goes back in version. A row is passed over when something newer is held
for its key, or when its writer was replaced before it arrived: after a commit of epoch 2 nothing of epoch 1
counts any more, whatever position it claims. A removed key keeps its stamp for an hour, so that a late row
does not bring it back. Pure: no clock, no I/O, and the order of arrival may be any.

Dropped: comparing stamps per key alone, because a paused owner that wakes up writes higher positions than
the ones its successor left untouched; trusting the commit, because compaction keeps the newest record of a
key and not the right one.
"""

from collections import deque
from typing import Final

from msgspec import Struct

from interlock_domain import digest
from interlock_domain.rows import CommitRow
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows

TOMBSTONE_KEPT_S: Final = 3600.0
"""Longer than any record is on its way, a paused process included; a removed target costs 200 bytes of it."""


class Stamp(Struct, frozen=True, order=True):
    """Who wrote a row, and at which position: compared from left to right."""

    generation: int
    epoch: int
    position: int


class StampedRow(Struct, frozen=True, kw_only=True):
    """One row as it travels; a payload of None removes the key."""

    key: str
    payload: bytes | None
    stamp: Stamp


def stamp_of(commit: CommitRow) -> Stamp:
    """The stamp that every row of a commit carries at most."""
    return Stamp(commit.generation, commit.epoch, commit.position)


class Staging:
    """One reader's table, and what is on its way into it. Times are seconds of any monotonic clock.

    `floor`: what its reader holds from an earlier reading; nothing before that is handed out.
    """

    def __init__(self, floor: CommitRow | None = None) -> None:
        self._floor = floor
        self._held: dict[str, StampedRow] = {}
        self._staged: dict[str, StampedRow] = {}
        self._changed: dict[str, bytes | None] = {}
        self._removed: deque[tuple[float, StampedRow]] = deque()
        self._sum = digest.EMPTY  # of the held rows under the staged ones
        self._highest: Stamp | None = None  # of the staged rows
        self._seen: CommitRow | None = None
        self._proved: CommitRow | None = None
        self._whole = True
        self._news = False

    @property
    def proved(self) -> CommitRow | None:
        """The newest commit whose table is held."""
        return self._proved

    @property
    def unproved(self) -> CommitRow | None:
        """The newest commit, while its rows are not the ones that it promised."""
        return None if self._seen is self._proved else self._seen

    def row(self, row: StampedRow, now: float) -> bool:
        """Stage a row; False: it is out of date and was passed over."""
        key, stamp = row.key, row.stamp
        newest = self._staged.get(key) or self._held.get(key)
        if self._fenced(stamp) or (newest is not None and stamp < newest.stamp):
            return False
        if newest is not None and newest.payload is not None:
            self._sum = digest.remove(self._sum, key, newest.payload)
        if row.payload is not None:
            self._sum = digest.add(self._sum, key, row.payload)
        self._staged[key] = row
        self._highest = stamp if self._highest is None else max(self._highest, stamp)
        waiting = self.unproved
        if waiting is not None and stamp <= stamp_of(waiting):
            self._prove(waiting, now)
        return True

    def commit(self, commit: CommitRow, now: float) -> bool:
        """Apply what the commit closes; False: it is out of date, or its rows are not there yet."""
        if not follows(commit, self._seen):
            return False
        self._seen = commit
        return self._prove(commit, now)

    def take(self) -> FeedUpdate | None:
        """What became true since the last call, in one piece; the first time the whole table."""
        commit = self._proved
        if commit is None or not self._news:
            return None
        rows = self._changed
        if self._whole:
            rows = {key: row.payload for key, row in self._held.items() if row.payload is not None}
        update = FeedUpdate(commit=commit, rows=rows, whole=self._whole)
        self._changed, self._whole, self._news = {}, False, False
        return update

    def is_known(self) -> None:
        """The reader holds this table already, commit and all: only what comes now is news."""
        self._changed, self._whole, self._news = {}, False, False

    def _fenced(self, stamp: Stamp) -> bool:
        seen = self._seen
        return seen is not None and (stamp.generation, stamp.epoch) < (seen.generation, seen.epoch)

    def _prove(self, commit: CommitRow, now: float) -> bool:
        if not follows(commit, self._floor):
            return False
        limit = stamp_of(commit)
        due = self._staged
        total = self._sum
        if self._highest is not None and self._highest > limit:
            due = {key: row for key, row in due.items() if row.stamp <= limit}
            total = self._without([row for key, row in self._staged.items() if key not in due])
        if digest.digest_text(total) != commit.digest:
            return False
        for row in due.values():
            self._apply(row, now)
        self._staged = {key: row for key, row in self._staged.items() if key not in due}
        self._highest = max((row.stamp for row in self._staged.values()), default=None)
        self._proved, self._news = commit, True
        self._forget(now)
        return True

    def _without(self, later: list[StampedRow]) -> int:
        """The sum as it is before rows that belong to later commits."""
        total = self._sum
        for row in later:
            if row.payload is not None:
                total = digest.remove(total, row.key, row.payload)
            held = self._held.get(row.key)
            if held is not None and held.payload is not None:
                total = digest.add(total, row.key, held.payload)
        return total

    def _apply(self, row: StampedRow, now: float) -> None:
        self._held[row.key] = row
        if not self._whole:
            self._changed[row.key] = row.payload
        if row.payload is None:
            self._removed.append((now, row))

    def _forget(self, now: float) -> None:
        while self._removed and now - self._removed[0][0] > TOMBSTONE_KEPT_S:
            _, row = self._removed.popleft()
            if self._held.get(row.key) is row:
                del self._held[row.key]
