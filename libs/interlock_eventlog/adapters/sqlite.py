"""The log in SQLite: journal and facts in one table, one position order.

Rule: positions are given inside the writing transaction, one after another without holes, so they
become visible in order. Decisions are synced to disk before `append` returns; facts ride on the next
sync (a crash of the machine may lose the last of them, a crash of the process loses none).

Relying on AUTOINCREMENT alone was dropped: an ignored duplicate burns a number, and a hole looks
like a lost record to whoever counts. AUTOINCREMENT stays, so that pruning never lets one be reused.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.adapters.sqlite_rows import (
    INSERT,
    TABLES,
    insertion,
    last_position,
    place_of,
    query,
    version_of,
)
from interlock_eventlog.codec import CODEC, Codec
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_eventlog.placing import plan_append, repeated_append
from interlock_eventlog.queries import EventFilter, RawEvent
from interlock_eventlog.reading import PageReader
from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.wake import Wake

PRUNE_STEP: Final = 2_000
"""Rows deleted in one transaction: a few milliseconds, so that pruning never holds up an append."""

POLL_S: Final = 0.05
"""How often a read-only process looks for new events; nobody can wake it."""


class SqliteEventLog:
    """EventLog and EventQueries over an embedded database; `clock` gives wall milliseconds and is
    called on the database's thread."""

    def __init__(self, database: SqliteDatabase, clock: Callable[[], int], *, codec: Codec = CODEC) -> None:
        self._database = database
        self._clock = clock
        self._codec = codec
        self._reader = PageReader(codec)
        self._wake = Wake()
        self._head = database.declare(TABLES, last_position)

    @property
    def passed_over(self) -> int:
        """How many facts `read` could not decode and replaced by a tick."""
        return self._reader.passed_over.total()

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog."""
        return await self._database.run(
            lambda connection: self._append(connection, appends), durable=True, then=self._moved
        )

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See EventLog."""
        return await self._database.run(
            lambda connection: self._publish(connection, stream, facts), then=self._seen
        )

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        sql = "SELECT position, recorded_ms, version, body FROM events WHERE position > ?"
        values: list[object] = [after]
        if stream is not None:
            sql += " AND stream = ?"
            values.append(stream)
        values.append(limit)
        return await self._database.read(
            lambda connection: self._reader.page(
                connection.execute(f"{sql} ORDER BY position LIMIT ?", values).fetchall()
            )
        )

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog. Reads the time index up to that moment, because a clock may have stepped back."""
        sql = "SELECT coalesce(max(position), 0) FROM events WHERE recorded_ms <= ?"
        return await self._database.read(lambda connection: _number(connection, sql, recorded_ms))

    async def head(self) -> int:
        """See EventLog."""
        if self._database.read_only:
            self._head = await self._database.read(last_position)
        return self._head

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog."""
        if not self._database.read_only:
            return await self._wake.until(lambda: self._head > after, timeout_s)
        deadline = asyncio.get_running_loop().time() + timeout_s
        while await self.head() <= after:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_S, left))
        return True

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """See EventQueries."""
        sql, values = query(wanted)
        rows = await self._database.read(lambda connection: connection.execute(sql, values).fetchall())
        return [
            RawEvent(position=position, recorded_ms=recorded_ms, stream=stream, type=kind, body=body)
            for position, recorded_ms, stream, kind, body in rows
        ]

    async def prune(self, before_ms: int) -> int:
        """Delete facts recorded before that moment; returns how many.

        Decisions stay for good: they are few, and a stream's version is counted from them.
        """
        sql = (
            "DELETE FROM events WHERE position IN (SELECT position FROM events "
            "WHERE recorded_ms < ? AND version IS NULL ORDER BY recorded_ms LIMIT ?)"
        )
        deleted = 0
        while True:
            step = await self._database.run(
                lambda connection: connection.execute(sql, (before_ms, PRUNE_STEP)).rowcount
            )
            deleted += step
            if step < PRUNE_STEP:
                return deleted

    def _moved(self, answer: Appended | VersionConflict) -> None:
        if isinstance(answer, Appended):
            self._seen(answer.position)

    def _seen(self, position: int) -> None:
        if position > self._head:
            self._head = position
            self._wake.ring()

    def _append(
        self, connection: sqlite3.Connection, appends: Sequence[StreamAppend]
    ) -> Appended | VersionConflict:
        repeated = repeated_append(appends, lambda known: place_of(connection, known))
        if repeated is not None:
            return repeated
        plan = plan_append(appends, lambda stream: version_of(connection, stream))
        if isinstance(plan, VersionConflict):
            return plan
        position = last_position(connection)
        now = self._clock()
        for one in plan.placed:
            position += 1
            body = self._codec.encode(one.new, one.stream, one.version, one.batch)
            row = insertion(position, now, one.stream, one.version, new=one.new, body=body)
            connection.execute(INSERT, row)
        return Appended(position=position, versions=plan.versions)

    def _publish(self, connection: sqlite3.Connection, stream: str, facts: Sequence[NewEvent]) -> int:
        last = position = last_position(connection)
        now = self._clock()
        for new in facts:
            known = place_of(connection, new.id)
            if known is not None:
                position = known.position
                continue
            last = position = last + 1
            body = self._codec.encode(new, stream)
            connection.execute(INSERT, insertion(last, now, stream, None, new=new, body=body))
        return position


def _number(connection: sqlite3.Connection, sql: str, *values: object) -> int:
    found: int = connection.execute(sql, values).fetchone()[0]
    return found
