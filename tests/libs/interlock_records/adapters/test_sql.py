"""Request records in SQL keep the contract beside a log that writes to the same file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_records.adapters.sql import SqlRequestRecords, open_engine
from interlock_records.records import RecordFilter
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.records import RequestRecordsContract, record
from interlock_testing.contracts.samples import failure


@asynccontextmanager
async def records_in(folder: Path) -> AsyncIterator[SqlRequestRecords]:
    records = SqlRequestRecords(open_engine(f"sqlite+aiosqlite:///{folder}/interlock.db"))
    await records.prepare()
    try:
        yield records
    finally:
        await records.close()


class TestSqlRequestRecords(RequestRecordsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqlRequestRecords]:
        with TemporaryDirectory() as folder:
            async with records_in(Path(folder)) as records:
                yield records


async def test_given_more_records_than_one_slice_then_scan_and_prune_reach_them_all(tmp_path):
    async with records_in(tmp_path) as records:
        await records.put([record(n, position=n % 3) for n in range(1200)])
        seen = [one.request_id async for one in records.scan()]
        assert len(seen) == len(set(seen)) == 1200
        assert await records.prune(1100_000) == 1100
        assert len((await records.newest(RecordFilter(limit=500))).records) == 100


async def test_given_a_log_that_writes_to_the_same_file_then_neither_fails(tmp_path):
    database = SqliteDatabase(tmp_path / "interlock.db")
    log = SqliteEventLog(database, ManualClock())
    try:
        async with records_in(tmp_path) as records:

            async def account() -> None:
                for n in range(0, 400, 20):
                    await records.put([record(m) for m in range(n, n + 20)])

            async def report() -> None:
                for n in range(100):
                    await log.publish("gateway/g1", [failure(n)])

            await asyncio.gather(account(), report())
            assert len([one async for one in records.scan()]) == 400
            assert await log.head() == 100
    finally:
        await database.close()


async def test_given_a_closed_store_when_opened_again_then_records_are_there(tmp_path):
    async with records_in(tmp_path) as records:
        await records.put([record(1)])
    async with records_in(tmp_path) as records:
        assert await records.get("req000001") == record(1)
