"""The lock has one holder, ends with its session, and its work ends with it."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.postgres import DatabaseUnreachable, open_postgres, own_connection
from interlock_testing.waiting import until

PATIENCE_S = 30.0
KEY = 7

HELD = (
    "pg_locks JOIN pg_database ON database = pg_database.oid "
    "WHERE locktype = 'advisory' AND granted AND datname = current_database()"
)
HOLD = """
import asyncio, sys
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.postgres import open_postgres

async def work():
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(AdvisoryLock(open_postgres(sys.argv[1]), 7, frozen_s=4.0).holding(work))
"""


@pytest.fixture
async def engine(database_url):
    opened = open_postgres(database_url)
    yield opened
    await opened.dispose()


class Work:
    """Goes on until it is told to end; knows whether it runs."""

    def __init__(self) -> None:
        self.running = False
        self.end = asyncio.Event()

    async def __call__(self) -> None:
        self.running = True
        try:
            await self.end.wait()
        finally:
            self.running = False


async def runs(work: Work) -> None:
    await until(lambda: work.running, timeout_s=PATIENCE_S, what="the work to begin")


async def holder(engine: AsyncEngine) -> list[Any]:
    async with own_connection(engine) as other:
        found: list[Any] = await other.fetch(f"SELECT pid FROM {HELD}")
        return found


async def test_given_a_holder_then_another_waits_until_its_work_is_done(engine):
    first, second = Work(), Work()
    holding = asyncio.create_task(AdvisoryLock(engine, KEY).holding(first))
    await runs(first)
    waiting = asyncio.create_task(AdvisoryLock(engine, KEY).holding(second))
    third = Work()
    other = asyncio.create_task(AdvisoryLock(engine, KEY + 1).holding(third))
    await runs(third)
    assert not second.running
    first.end.set()
    await holding
    await runs(second)
    for work in (second, third):
        work.end.set()
    await asyncio.gather(waiting, other)


async def test_given_a_session_that_the_server_ends_then_the_work_is_cancelled_and_it_says_so(engine):
    work = Work()
    holding = asyncio.create_task(AdvisoryLock(engine, KEY).holding(work))
    await runs(work)
    async with own_connection(engine) as other:
        await other.execute(f"SELECT pg_terminate_backend(pid) FROM {HELD}")
    with pytest.raises(DatabaseUnreachable, match=r"ended the session|closed the connection|is stopping"):
        await holding
    assert not work.running


async def test_given_work_that_fails_then_its_failure_comes_out_and_the_lock_is_free(engine):
    async def fails():
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await AdvisoryLock(engine, KEY).holding(fails)
    work = Work()
    work.end.set()
    await AdvisoryLock(engine, KEY).holding(work)


async def test_given_a_cancelled_holder_then_its_work_ended_and_the_lock_is_free(engine):
    work = Work()
    holding = asyncio.create_task(AdvisoryLock(engine, KEY).holding(work))
    await runs(work)
    holding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await holding
    assert not work.running

    async def free() -> bool:
        return not await holder(engine)

    await until(free, timeout_s=PATIENCE_S, what="the lock to be free")


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
async def test_given_a_holder_process_that_is_killed_or_frozen_then_another_takes_over(
    engine, database_url, blow
):
    process = subprocess.Popen(  # noqa: ASYNC220 - some ms
        [sys.executable, "-c", HOLD, database_url], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"held\n"
        process.send_signal(blow)
        work = Work()
        holding = asyncio.create_task(AdvisoryLock(engine, KEY).holding(work))
        await runs(work)
        work.end.set()
        await holding
    finally:
        process.kill()
        process.communicate()
