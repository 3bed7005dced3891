"""kill -9 at any moment loses no acknowledged decision."""

import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.clock import ManualClock

KILLS = 5

WRITER = """
import asyncio, sys
from pathlib import Path
from interlock_domain.events import ProviderRemoved
from interlock_domain.recorded import NewEvent
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import Appended, StreamAppend
from interlock_runtime.sqlite import SqliteDatabase

async def main(path, life):
    log = SqliteEventLog(SqliteDatabase(Path(path)), lambda: 0)
    n = 0
    while True:
        new = NewEvent(id=f"{life}-{n}", event=ProviderRemoved(provider="p"))
        answer = await log.append([StreamAppend(stream="config", expected_version=None, events=(new,))])
        assert isinstance(answer, Appended)
        print(answer.position, new.id, flush=True)
        n += 1

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def one_life(path: Path, life: str, acknowledged: dict[int, str], moment_s: float) -> None:
    """Start a writer, let it acknowledge for a moment, kill it; what it acknowledged is added."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), life], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(moment_s)  # the moment of death is what is tested; any is right
        writer.kill()
        lines = [first, *writer.stdout.read().splitlines(keepends=True)]
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    acknowledged.update({int(position): name.decode() for position, name in whole})


@asynccontextmanager
async def reopened(path: Path, *, read_only: bool) -> AsyncIterator[SqliteEventLog]:
    database = SqliteDatabase(path, read_only=read_only)
    yield SqliteEventLog(database, ManualClock())
    await database.close()


async def test_given_a_writer_killed_at_random_moments_then_everything_it_acknowledged_is_there(tmp_path):
    path = tmp_path / "interlock.db"
    acknowledged: dict[int, str] = {}
    moments = random.Random(5)
    for life in range(KILLS):
        before = len(acknowledged)
        one_life(path, str(life), acknowledged, moments.uniform(0, 0.15))
        assert len(acknowledged) > before
    async with reopened(path, read_only=True) as log:
        at_rest = await log.read(after=0, limit=100_000)
    async with reopened(path, read_only=False) as log:
        events = await log.read(after=0, limit=100_000)
    assert at_rest == events, "a reader needs no recovery by a writer first"
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    held = {event.position: event.id for event in events}
    assert {position: held.get(position) for position in acknowledged} == acknowledged
    assert len(events) - len(acknowledged) <= KILLS, "at most the one in flight of each life goes unheard"
