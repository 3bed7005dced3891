"""The keeping port in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_eventlog.adapters.memory_kept_letters import MemoryLetterKeeper
from interlock_eventlog.letter_keeping import LetterKeeper
from interlock_testing.contracts.letter_keeping import FAMILY, LetterKeepingContract


class TestMemory(LetterKeepingContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LetterKeeper]:
        yield MemoryLetterKeeper(FAMILY)
