"""Views in memory keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_testing.contracts.views import ViewsContract
from interlock_views.adapters.memory import MemoryViews


class TestMemoryViews(ViewsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryViews]:
        yield MemoryViews()
