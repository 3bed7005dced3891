"""Request records in SQL: one table in SQLite, one of a partition a day in PostgreSQL beside the journal.

Rule: columns beside the JSON exist to be searched; the JSON alone is the record. Transactions are
small (a batch of the gateway, a slice of a prune), because on SQLite the file is shared with the log
and its writer waits for them. SQLAlchemy Core, not the ORM: rows have no identity to keep, and every
statement stands here as it runs.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Executable,
    Index,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    delete,
    event,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from interlock_domain.attempt.record import RequestRecord
from interlock_records.adapters.days import PRUNE_OTHER, days_before, drop_day, make_days
from interlock_records.paging import cursor_of, place_of, snapshot_place
from interlock_records.records import MIN_PREFIX, RecordFilter, RecordPage

SLICE: Final = 500
"""Rows of one read of a scan and of one transaction of a prune: a few milliseconds each."""

BUSY_MS: Final = 5_000
"""SQLite only: how long to wait for the log's writer, which holds the file for milliseconds."""

METADATA: Final = MetaData()

# Bytewise order: a prefix is then a range of the key, and PostgreSQL's default order is not.
_Id = String().with_variant(String(collation="C"), "postgresql")

REQUESTS: Final = Table(
    "requests",
    METADATA,
    Column("request_id", _Id, primary_key=True),
    Column("started_ms", BigInteger, nullable=False),
    Column("pool", String, nullable=False),
    Column("target", String),
    Column("result", String, nullable=False),
    Column("snapshot_generation", BigInteger, nullable=False),
    Column("snapshot_position", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index("requests_time", "started_ms", "request_id"),
    Index("requests_pool", "pool", "started_ms"),
    Index("requests_target", "target", "started_ms"),
    Index("requests_snapshot", "snapshot_generation", "snapshot_position", "started_ms", "request_id"),
)

_C = REQUESTS.c
_SCAN = (_C.snapshot_generation, _C.snapshot_position, _C.started_ms, _C.request_id)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RequestRecord)


def open_engine(url: str) -> AsyncEngine:
    """An engine for `sqlite+aiosqlite:///path` or `postgresql+asyncpg://..`; the caller disposes it."""
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


class SqlRequestRecords:
    """RequestRecords over one table; `prepare` creates it where no migration did."""

    def __init__(self, engine: AsyncEngine, *, wall_ms: Callable[[], int] | None = None) -> None:
        """`wall_ms`: today, for the days of PostgreSQL; the machine's own when not given."""
        self._engine = engine
        self._days = engine.dialect.name == "postgresql"
        self._wall_ms = wall_ms or _wall_ms
        self._connections = _postgres if self._days else _sqlite
        # Without a target any key will do: request_id in SQLite, (request_id, started_ms) in PostgreSQL.
        dialect = postgresql if self._days else sqlite
        self._insert = dialect.insert(REQUESTS).on_conflict_do_nothing()

    async def prepare(self) -> None:
        """Create what is missing: the table in SQLite, the coming days' partitions in PostgreSQL."""
        async with self._connections(self._engine) as connection:
            if self._days:
                await make_days(connection, self._wall_ms())
            else:
                await connection.run_sync(METADATA.create_all)

    async def close(self) -> None:
        """Give up the connections."""
        await self._engine.dispose()

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """See RequestRecords."""
        if records:
            async with self._connections(self._engine) as connection:
                await connection.execute(self._insert, [_row(record) for record in records])

    async def get(self, request_id: str) -> RequestRecord | None:
        """See RequestRecords."""
        exact = await self._fetch(select(_C.record).where(_C.request_id == request_id))
        if exact or len(request_id) < MIN_PREFIX:
            return exact[0] if exact else None
        last = request_id + "\U0010ffff"  # nothing sorts behind it
        prefixed = select(_C.record).where(_C.request_id > request_id, _C.request_id <= last).limit(2)
        found = await self._fetch(prefixed)
        return found[0] if len(found) == 1 else None

    async def newest(self, wanted: RecordFilter) -> RecordPage:
        """See RequestRecords."""
        statement = _filtered(wanted).order_by(_C.started_ms.desc(), _C.request_id.desc())
        found = await self._fetch(statement.limit(wanted.limit + 1))
        page = tuple(found[: wanted.limit])
        more = page and len(found) > len(page)
        return RecordPage(records=page, next=cursor_of(page[-1]) if more else None)

    async def scan(
        self, *, from_position: int = 0, to_position: int | None = None
    ) -> AsyncIterator[RequestRecord]:
        """See RequestRecords; reads slice by slice and holds no transaction between them."""
        statement = select(_C.record).where(_C.snapshot_position >= from_position)
        if to_position is not None:
            statement = statement.where(_C.snapshot_position <= to_position)
        statement = statement.order_by(*_SCAN).limit(SLICE)
        found = await self._fetch(statement)
        while found:
            for record in found:
                yield record
            last = found[-1]
            beyond = (*snapshot_place(last.snapshot), last.started_ms, last.request_id)
            found = await self._fetch(statement.where(tuple_(*_SCAN) > beyond))

    async def prune(self, before_ms: int) -> int:
        """See RequestRecords. In PostgreSQL a day goes when all of it is too old; of a dropped day the number
        is what the server reckons."""
        if self._days:
            return await self._prune_days(before_ms)
        old = select(_C.request_id).where(_C.started_ms < before_ms).limit(SLICE)
        return await self._prune_slices(delete(REQUESTS).where(_C.request_id.in_(old)), {})

    async def _prune_days(self, before_ms: int) -> int:
        async with self._connections(self._engine) as connection:
            await make_days(connection, self._wall_ms())
        dropped = 0
        async with self._connections(self._engine) as connection:
            ended = await days_before(connection, before_ms)
        for day in ended:  # one at a time: each holds up readers and writers for a moment
            async with self._connections(self._engine) as connection:
                dropped += await drop_day(connection, day)
        values = {"before": before_ms, "slice": SLICE}
        return dropped + await self._prune_slices(PRUNE_OTHER, values)

    async def _prune_slices(self, statement: Executable, values: dict[str, int]) -> int:
        deleted = 0
        while True:
            async with self._connections(self._engine) as connection:
                step = await connection.execute(statement, values)
            deleted += step.rowcount
            if step.rowcount < SLICE:
                return deleted

    async def _fetch(self, statement: Select[bytes]) -> list[RequestRecord]:
        async with self._connections(self._engine) as connection:
            return [_decoder.decode(body) for body in await connection.scalars(statement)]


def _sqlite(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    return engine.begin()


def _postgres(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    from interlock_runtime.postgres import transaction  # noqa: PLC0415  its driver is an extra

    return transaction(engine)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _row(record: RequestRecord) -> dict[str, object]:
    generation, position = snapshot_place(record.snapshot)
    return {
        "request_id": record.request_id,
        "started_ms": record.started_ms,
        "pool": record.pool,
        "target": record.target,
        "result": record.result.value,
        "snapshot_generation": generation,
        "snapshot_position": position,
        "record": _encoder.encode(record),
    }


def _filtered(wanted: RecordFilter) -> Select[bytes]:
    statement = select(_C.record)
    for column, value in ((_C.pool, wanted.pool), (_C.target, wanted.target), (_C.result, wanted.result)):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.from_ms is not None:
        statement = statement.where(_C.started_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        statement = statement.where(_C.started_ms <= wanted.to_ms)
    if wanted.before is not None:
        statement = statement.where(tuple_(_C.started_ms, _C.request_id) < place_of(wanted.before))
    return statement
