"""Request records in PostgreSQL: the contract, and days that come and go as partitions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import text

from interlock_domain.attempt.record import RequestRecord
from interlock_records.adapters.days import AHEAD, DAY_MS
from interlock_records.adapters.sql import SqlRequestRecords
from interlock_records.records import RecordFilter
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.clock import FakeClock
from interlock_testing.contracts.records import RequestRecordsContract, record

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


def at_noon() -> FakeClock:
    return FakeClock(wall_s=NOON.timestamp())


@asynccontextmanager
async def records_at(url: str, clock: FakeClock) -> AsyncIterator[SqlRequestRecords]:
    records = SqlRequestRecords(open_postgres(url, size=3), wall_ms=clock.wall_ms)
    try:
        yield records
    finally:
        await records.close()


class TestPostgresRequestRecords(RequestRecordsContract):
    @pytest.fixture(autouse=True)
    def _database(self, postgres) -> None:
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlRequestRecords]:
        async with self.postgres.database() as url, records_at(url, at_noon()) as records:
            yield records


def started(n: int, at_ms: int) -> RequestRecord:
    return msgspec.structs.replace(record(n), started_ms=at_ms)


async def partitions(url: str) -> dict[str, int]:
    """Each partition with its rows."""
    engine = open_postgres(url, size=1)
    counted = text("SELECT tableoid::regclass::text, count(*) FROM requests GROUP BY 1 ORDER BY 1")
    try:
        async with transaction(engine) as connection:
            return {str(name): int(count) for name, count in (await connection.execute(counted)).all()}
    finally:
        await engine.dispose()


async def test_a_record_of_today_falls_into_its_day_and_one_without_a_day_into_the_rest(database_url):
    async with records_at(database_url, at_noon()) as records:
        await records.prepare()
        await records.put([started(1, NOON_MS), started(2, NOON_MS + AHEAD * DAY_MS), started(3, 0)])
        assert await partitions(database_url) == {
            "requests_d20261121": 1,
            "requests_d20261128": 1,
            "requests_other": 1,
        }


async def test_a_record_that_is_put_twice_is_kept_once(database_url):
    async with records_at(database_url, at_noon()) as records:
        await records.prepare()
        await records.put([started(1, NOON_MS)])
        await records.put([started(1, NOON_MS), started(2, NOON_MS)])
        assert await partitions(database_url) == {"requests_d20261121": 2}


async def test_a_day_is_dropped_when_all_of_it_is_too_old_and_not_before(database_url):
    clock = at_noon()
    async with records_at(database_url, clock) as records:
        await records.prepare()
        await records.put([started(1, NOON_MS), started(2, NOON_MS + DAY_MS)])
        await records.prune(NOON_MS + DAY_MS // 2 - 1)
        assert (await partitions(database_url)).keys() == {"requests_d20261121", "requests_d20261122"}
        await records.prune(NOON_MS + DAY_MS // 2)
        assert (await partitions(database_url)).keys() == {"requests_d20261122"}
        assert await records.get(started(1, 0).request_id) is None


async def test_pruning_also_makes_the_days_that_came_near(database_url):
    clock = at_noon()
    async with records_at(database_url, clock) as records:
        await records.prepare()
        clock.advance(3 * 86_400)
        await records.prune(0)
        await records.put([started(1, NOON_MS + (AHEAD + 3) * DAY_MS)])
        assert await partitions(database_url) == {"requests_d20261201": 1}


async def test_records_that_fell_into_the_rest_do_not_keep_other_days_from_being_made(database_url):
    async with records_at(database_url, at_noon()) as records:
        await records.put([started(1, NOON_MS + DAY_MS)])
        await records.prepare()
        await records.prepare()
        await records.put([started(2, NOON_MS), started(3, NOON_MS + DAY_MS)])
        assert await partitions(database_url) == {"requests_d20261121": 1, "requests_other": 2}
        newest = await records.newest(RecordFilter())
        assert [one.request_id[-1] for one in newest.records] == ["3", "1", "2"]


async def test_several_processes_may_look_after_the_days_at_the_same_time(database_url):
    import asyncio

    async with records_at(database_url, at_noon()) as first, records_at(database_url, at_noon()) as second:
        await asyncio.gather(*(one.prepare() for one in (first, second) * 3))
        await first.put([started(1, NOON_MS), started(2, NOON_MS)])
        later = NOON_MS + DAY_MS
        await asyncio.gather(*(one.prune(later) for one in (first, second) * 3))
        assert await partitions(database_url) == {}
