"""The log in memory keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import ReusedId
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.eventlog import EventLogContract
from interlock_testing.contracts.queries import EventQueriesContract
from interlock_testing.contracts.samples import decision, one


@asynccontextmanager
async def opened(clock: Callable[[], int]) -> AsyncIterator[MemoryEventLog]:
    yield MemoryEventLog(clock)


class TestMemoryEventLog(EventLogContract, EventQueriesContract):
    def opened(self, clock):
        return opened(clock)

    searchable = opened


async def test_an_append_that_names_one_id_twice_is_a_mistake_and_writes_nothing():
    log = MemoryEventLog(ManualClock())
    with pytest.raises(ReusedId):
        await log.append([one("config", 0, decision("a"), decision("a"))])
    assert await log.head() == 0


async def test_an_append_that_mixes_known_and_new_ids_is_a_mistake():
    log = MemoryEventLog(ManualClock())
    await log.append([one("config", 0, decision("a"))])
    with pytest.raises(ReusedId):
        await log.append([one("config", 1, decision("a"), decision("b"))])
    assert await log.head() == 1
