"""The log in SQLite keeps the contract, and what a process or a machine may do to its file."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from interlock_domain.events import ClockTicked
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import Appended, ReusedId, UnreadableDecision
from interlock_eventlog.queries import EventFilter
from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.sqlite_errors import BrokenDatabase, StorageFull
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.eventlog import PATIENCE_S, EventLogContract
from interlock_testing.contracts.queries import EventQueriesContract
from interlock_testing.contracts.samples import decision, failure, one

GATEWAY = "gateway/g1"


@asynccontextmanager
async def log_in(
    folder: Path, clock: Callable[[], int] | None = None, *, read_only: bool = False
) -> AsyncIterator[SqliteEventLog]:
    database = SqliteDatabase(folder / "interlock.db", read_only=read_only)
    try:
        yield SqliteEventLog(database, clock or ManualClock())
    finally:
        await database.close()


@asynccontextmanager
async def opened(clock: Callable[[], int]) -> AsyncIterator[SqliteEventLog]:
    with TemporaryDirectory() as folder:
        async with log_in(Path(folder), clock) as log:
            yield log


class TestSqliteEventLog(EventLogContract, EventQueriesContract):
    def opened(self, clock):
        return opened(clock)

    searchable = opened


async def ids(log: SqliteEventLog) -> list[str]:
    return [event.id for event in await log.read(after=0, limit=10_000)]


async def test_given_a_closed_log_when_opened_again_then_it_goes_on(tmp_path):
    async with log_in(tmp_path) as log:
        first = await log.append([one("config", 0, decision("a"))])
        await log.publish(GATEWAY, [failure(1)])
    async with log_in(tmp_path) as log:
        assert await log.head() == 2
        assert await log.wait(1, 0) is True
        again = await log.append([one("config", 0, decision("a"))])
        assert isinstance(first, Appended)
        assert again == Appended(position=1, versions=first.versions, repeated=True)
        assert await log.publish(GATEWAY, [failure(1), failure(2)]) == 3
        assert await log.append([one("config", 1, decision("b"))]) == Appended(
            position=4, versions={"config": 2}
        )


async def test_given_an_id_used_twice_then_nothing_of_the_append_is_written(tmp_path):
    async with log_in(tmp_path) as log:
        with pytest.raises(ReusedId):
            await log.append([one("config", 0, decision("a"), decision("a"))])
        await log.append([one("config", 0, decision("a"))])
        with pytest.raises(ReusedId):
            await log.append([one("config", 1, decision("b"), decision("a"))])
        assert await ids(log) == ["a"]


async def test_given_a_full_disk_then_append_says_so_and_writes_nothing(tmp_path):
    database = SqliteDatabase(tmp_path / "interlock.db")
    log = SqliteEventLog(database, ManualClock())
    await log.publish(GATEWAY, [failure(1)])
    pages = await database.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await database.run(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone())
    with pytest.raises(StorageFull):
        await log.append([one("config", 0, *(decision(f"d{n}", reason="x" * 900) for n in range(100)))])
    with pytest.raises(StorageFull):
        await log.publish(GATEWAY, [failure(n) for n in range(2, 200)])
    assert await ids(log) == [failure(1).id]
    assert await log.head() == 1
    await database.close()


async def test_prune_deletes_old_facts_keeps_decisions_and_reuses_no_position(tmp_path):
    clock = ManualClock(1000)
    async with log_in(tmp_path, clock) as log:
        await log.append([one("config", 0, decision("a"))])
        await log.publish(GATEWAY, [failure(n) for n in range(3000)])
        clock.now_ms = 2000
        await log.publish(GATEWAY, [failure(3000)])
        assert await log.prune(2000) == 3000
        assert await log.prune(2000) == 0
        assert await ids(log) == ["a", failure(3000).id]
        assert await log.prune(3000) == 1
    async with log_in(tmp_path, clock) as log:
        assert await log.head() == 3002
        assert await log.publish(GATEWAY, [failure(4000)]) == 3003
        assert await log.append([one("config", 1, decision("b"))]) == Appended(
            position=3004, versions={"config": 2}
        )


async def test_given_records_that_cannot_be_read_then_facts_stand_as_ticks_and_a_decision_stops(tmp_path):
    async with log_in(tmp_path) as log:
        await log.publish(GATEWAY, [failure(1), failure(2)])
        await log.append([one("config", 0, decision("a"))])
    raw = sqlite3.connect(tmp_path / "interlock.db")
    with raw:
        raw.execute("UPDATE events SET body = CAST('no json' AS BLOB) WHERE position = 2")
        raw.execute(
            """UPDATE events SET body = CAST(replace(body, '"v":1', '"v":2') AS BLOB) WHERE position = 3"""
        )
    raw.close()
    async with log_in(tmp_path) as log:
        events = await log.read(after=0, limit=10)
        assert [event.position for event in events] == [1, 2]
        assert events[1].event == ClockTicked()
        assert log.passed_over == 1
        with pytest.raises(UnreadableDecision, match="future_version"):
            await log.read(after=2, limit=10)
        assert [found.position for found in await log.find(EventFilter())] == [1, 2, 3]


async def test_given_another_process_that_only_reads_then_it_sees_new_events(tmp_path):
    async with log_in(tmp_path) as log, log_in(tmp_path, read_only=True) as beside:
        assert await beside.head() == 0
        assert await beside.wait(0, 0.01) is False
        waiting = asyncio.create_task(beside.wait(0, PATIENCE_S))
        await log.publish(GATEWAY, [failure(1)])
        assert await waiting is True
        assert await beside.head() == 1
        assert await ids(beside) == [failure(1).id]
        with pytest.raises(PermissionError):
            await beside.publish(GATEWAY, [failure(2)])


async def test_given_a_torn_tail_then_what_is_left_is_a_prefix_and_appending_goes_on(tmp_path):
    """A copy of the files mid-life, the write-ahead log cut at many lengths."""
    live, written = tmp_path / "live", []
    async with log_in(live) as log:
        for n in range(12):
            if n % 3 == 0:
                await log.append([one("config", n // 3, decision(f"d{n}"))])
                written.append(f"d{n}")
            else:
                await log.publish(GATEWAY, [failure(n)])
                written.append(failure(n).id)
        database, wal = (live / name for name in ("interlock.db", "interlock.db-wal"))
        size = wal.stat().st_size
        lengths = sorted({size, size - 1, size - 7, size - 4096, size - 5000, size // 2, size // 3, 40, 1, 0})
        for length in lengths:
            copy = tmp_path / f"copy{length}"
            copy.mkdir()
            shutil.copy(database, copy / database.name)
            (copy / wal.name).write_bytes(wal.read_bytes()[:length])
    left = [await _recovered(tmp_path / f"copy{length}", written) for length in lengths]
    assert left == sorted(left), "a longer tail never holds less"
    assert left[-1] == len(written), "what was acknowledged and not torn is there"
    assert left[0] < len(written)


async def _recovered(folder: Path, written: list[str]) -> int:
    async with log_in(folder) as log:
        found = await ids(log)
        assert found == written[: len(found)]
        assert await log.head() == len(found)
        versions = sum(one_id.startswith("d") for one_id in found)
        answer = await log.append([one("config", versions, decision("after"))])
        assert answer == Appended(position=len(found) + 1, versions={"config": versions + 1})
        assert await ids(log) == [*found, "after"]
    return len(found)


async def test_given_a_damaged_file_then_opening_or_reading_says_what_to_do(tmp_path):
    async with log_in(tmp_path) as log:
        await log.publish(GATEWAY, [failure(n) for n in range(500)])
    path = tmp_path / "interlock.db"
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\x55" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(BrokenDatabase, match="restore a copy"):
        async with log_in(tmp_path) as log:
            await ids(log)
