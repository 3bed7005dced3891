"""The feed in memory keeps the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_feed.adapters.memory import MemoryFeed
from interlock_testing.contracts.feed import FeedContract


class TestMemoryFeed(FeedContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryFeed]:
        yield MemoryFeed()
