"""The journal in memory keeps the contract."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from interlock_eventlog.adapters.memory_journal import MemoryJournal
from interlock_testing.contracts.journal import JournalContract


@asynccontextmanager
async def opened(clock: Callable[[], int]) -> AsyncIterator[MemoryJournal]:
    yield MemoryJournal(clock)


class TestMemoryJournal(JournalContract):
    def opened(self, clock):
        return opened(clock)
