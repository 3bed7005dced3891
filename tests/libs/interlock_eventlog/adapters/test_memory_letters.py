"""Dead letters in memory keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_eventlog.adapters.memory_letters import MemoryLetters
from interlock_eventlog.letters import KeptLetter, Letters
from interlock_testing.contracts.letters import LettersContract


class TestMemoryLetters(LettersContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryLetters]:
        yield MemoryLetters()

    async def keep(self, letters: Letters, one: KeptLetter) -> int:
        assert isinstance(letters, MemoryLetters)
        return letters.keep(one)
