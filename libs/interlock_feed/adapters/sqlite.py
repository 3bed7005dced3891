"""The feed in SQLite: one row per key, stamped with a sequence that only grows.

Rule: `feed_seq > last seen` is the tail, and because a key's new row replaces its old one it is the
compaction too. Rows and commit are one transaction, so a reader in any process sees whole commits.
The commit is a row as well, under its own key: one statement reads a consistent update.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Final

import msgspec

from interlock_domain.rows import COMMIT_KEY, CommitRow
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows
from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.wake import Wake

TABLES: Final = """
CREATE TABLE IF NOT EXISTS state (
    key TEXT PRIMARY KEY,
    row BLOB,
    feed_seq INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS state_feed ON state (feed_seq);
"""

POLL_S: Final = 0.05
"""How often a read-only process looks for a new commit: as often as commits come at most (20 Hz)."""

_UPSERT: Final = """
INSERT INTO state (key, row, feed_seq, generation, epoch, position) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET row = excluded.row, feed_seq = excluded.feed_seq,
    generation = excluded.generation, epoch = excluded.epoch, position = excluded.position
"""

_commits = msgspec.json.Decoder(CommitRow)


class SqliteFeed:
    """FeedPublisher and FeedReader over an embedded database."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._wake = Wake()
        self._sequence: int = database.declare(TABLES, self._start)

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        """See FeedPublisher; a commit that may not follow the held one is passed over."""
        stamped = dict(rows)  # the caller may go on changing its own
        await self._database.run(
            lambda connection: _publish(connection, commit, stamped), then=self._published
        )

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        """See FeedReader."""
        seen = 0
        while True:
            rows = await self._database.read(partial(_since, seen))
            if rows:
                update = _update(rows, whole=seen == 0)
                seen = max(row[2] for row in rows)
                yield update
            else:
                await self._changed(seen)

    async def _changed(self, seen: int) -> None:
        if self._database.read_only:
            await asyncio.sleep(POLL_S)
            return
        while self._sequence <= seen:
            await self._wake.wait()

    def _published(self, sequence: int) -> None:
        self._sequence = max(self._sequence, sequence)
        self._wake.ring()

    def _start(self, connection: sqlite3.Connection) -> int:
        if not self._database.read_only:  # no reader of this process is behind yet
            connection.execute("DELETE FROM state WHERE row IS NULL")
        return _last(connection)


def _since(seen: int, connection: sqlite3.Connection) -> list[tuple[str, bytes | None, int]]:
    sql = "SELECT key, row, feed_seq FROM state WHERE feed_seq > ?"
    return connection.execute(sql, (seen,)).fetchall()


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(feed_seq), 0) FROM state").fetchone()[0])


def _publish(connection: sqlite3.Connection, commit: CommitRow, rows: dict[str, bytes | None]) -> int:
    sequence = _last(connection)
    held = connection.execute("SELECT row FROM state WHERE key = ?", (COMMIT_KEY,)).fetchone()
    if held is not None and not follows(commit, _commits.decode(held[0])):
        return sequence
    sequence += 1
    rows[COMMIT_KEY] = msgspec.json.encode(commit)
    stamps = (sequence, commit.generation, commit.epoch, commit.position)
    connection.executemany(_UPSERT, [(key, row, *stamps) for key, row in rows.items()])
    return sequence


def _update(found: list[tuple[str, bytes | None, int]], *, whole: bool) -> FeedUpdate:
    rows = {key: row for key, row, _ in found if row is not None or not whole}
    commit = rows.pop(COMMIT_KEY)
    assert commit is not None  # every publish writes it
    return FeedUpdate(commit=_commits.decode(commit), rows=rows, whole=whole)
