"""The journal in PostgreSQL: the order of a cluster's decisions, and the relay's outbox beside it.

Rule: positions are given under one lock that is held until the commit is visible, so they become visible in
order and without holes: who polls "after last seen" loses nothing. A sequence was dropped for that reason:
its numbers become visible in the order of commits.

One transaction carries every append that waits in this process, judged in the order they came: a commit costs
a sync of the disk, and one append for each sync would be a few hundred a second. One answer is held back
until that commit, refusals included, because they may rest on a neighbour's events.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.adapters import journal_rows as sql
from interlock_eventlog.adapters.journal_places import Places
from interlock_eventlog.codec import CODEC, Codec
from interlock_eventlog.journal import PublishedAt, Unpublished
from interlock_eventlog.log import Appended, ReusedId, StreamAppend, VersionConflict
from interlock_eventlog.placing import plan_append, repeated_append
from interlock_eventlog.queries import EventFilter, RawEvent
from interlock_eventlog.reading import PageReader
from interlock_runtime.notices import Notices
from interlock_runtime.postgres import transaction

TURN: Final = 64
"""Appends in one transaction: past that the sync is a small part of it, and the lock is held longer."""

Answer = Appended | VersionConflict


class _Waiting(Struct):
    appends: tuple[StreamAppend, ...]
    answer: asyncio.Future[Answer]

    def settle(self, found: Answer | BaseException) -> None:
        """Unless whoever asked has gone."""
        if self.answer.done():
            return
        if isinstance(found, BaseException):
            self.answer.set_exception(found)
        else:
            self.answer.set_result(found)


class PostgresJournal:
    """Journal, Outbox and EventQueries over the table `journal`; raises PostgresError. `clock` gives wall
    milliseconds instead of the database's, for tests."""

    def __init__(
        self, engine: AsyncEngine, *, codec: Codec = CODEC, clock: Callable[[], int] | None = None
    ) -> None:
        self._engine = engine
        # One statement is its own transaction: BEGIN and COMMIT would be two more round trips.
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._codec = codec
        self._clock = clock
        self._reader = PageReader(codec)
        self._notices = Notices(engine, (sql.APPENDED, sql.PUBLISHED))
        self._places = Places(self._notices, self._known_places)
        self._looked = -1
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, appends: Sequence[StreamAppend]) -> Answer:
        """See Journal. When it raises, nobody knows whether it stands: ask again with the same ids."""
        mine = _Waiting(tuple(appends), asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await mine.answer

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See Journal."""
        values: dict[str, Any] = {"after": after, "limit": limit}
        if stream is None:
            return self._reader.page(await self._rows(sql.READ, values))
        return self._reader.page(await self._rows(sql.READ_STREAM, values | {"stream": stream}))

    async def head(self) -> int:
        """See Journal."""
        return int((await self._rows(sql.HEAD, {}))[0][0])

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        """See Journal."""
        return await self._places.wait(position, timeout_s)

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """See EventQueries; decisions only."""
        rows = await self._rows(*sql.query(wanted))
        return [
            RawEvent(position=position, recorded_ms=recorded_ms, stream=stream, type=kind, body=body)
            for position, recorded_ms, stream, kind, body in rows
        ]

    async def unpublished(self, limit: int) -> list[Unpublished]:
        """See Outbox."""
        self._looked = self._notices.count(sql.APPENDED)
        return [
            Unpublished(position=position, stream=stream, version=version, id=name, type=kind, body=body)
            for position, stream, version, name, kind, body in await self._rows(
                sql.UNPUBLISHED, {"limit": limit}
            )
        ]

    async def published(self, places: Sequence[PublishedAt], generation: int) -> None:
        """See Outbox."""
        if places:
            await self._rows(sql.NOTE, sql.notes(places, generation))

    async def publish_again(self, stream: str, version: int) -> int:
        """See Outbox."""
        return int((await self._rows(sql.FORGET, {"stream": stream, "version": version}))[0][0])

    async def wait(self, timeout_s: float) -> bool:
        """See Outbox: something came since the last look at what is unpublished."""
        return await self._notices.beyond(sql.APPENDED, self._looked, timeout_s)

    async def close(self) -> None:
        """Finish the appends that wait, and stop listening; the engine is the caller's."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._places.close()
        await self._notices.close()

    async def _known_places(self, positions: Sequence[int]) -> dict[int, int]:
        return dict(await self._rows(sql.PLACES, {"positions": list(positions)}))

    async def _rows(self, statement: Any, values: dict[str, Any]) -> Sequence[Any]:
        async with transaction(self._single) as connection:
            return (await connection.execute(statement, values)).fetchall()

    async def _write(self) -> None:
        """Turn after turn while anybody waits."""
        while self._waiting:
            turn, self._waiting = self._waiting[:TURN], self._waiting[TURN:]
            await self._answer(turn)

    async def _answer(self, turn: Sequence[_Waiting]) -> None:
        answers: Sequence[Answer | BaseException]
        try:
            answers = await self._transact(turn)
        except (DBAPIError, ValueError) as refused:  # a value that the database or the codec does not take
            if len(turn) > 1:
                for one in turn:  # whose it is shows when each goes alone
                    await self._answer([one])
                return
            answers = [refused]
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            answers = [error] * len(turn)
        for one, answer in zip(turn, answers, strict=True):
            one.settle(answer)

    async def _transact(self, turn: Sequence[_Waiting]) -> list[Answer | ReusedId]:
        entries = sql.Entries(self._codec)
        wanted = [append for one in turn for append in one.appends]
        values = {
            "streams": list({append.stream for append in wanted}),
            "ids": [new.id for append in wanted for new in append.events],
        }
        async with transaction(self._engine) as connection:
            await connection.execute(sql.LOCK)
            stand = sql.stand_of((await connection.execute(sql.STAND, values)).fetchall())
            answers = [_judge(one.appends, stand, entries) for one in turn]
            if entries.columns["ids"]:
                now = None if self._clock is None else self._clock()
                await connection.execute(sql.INSERT, entries.columns | {"now": now})
        return answers


def _judge(appends: Sequence[StreamAppend], stand: sql.Stand, entries: sql.Entries) -> Answer | ReusedId:
    try:
        repeated = repeated_append(appends, stand.places.get)
        if repeated is not None:
            return repeated
        plan = plan_append(appends, lambda stream: stand.versions[stream])
    except ReusedId as mistake:
        return mistake
    if isinstance(plan, VersionConflict):
        return plan
    entries.add(stand.add(plan.placed, plan.versions), plan.placed)
    return Appended(position=stand.position, versions=plan.versions)
