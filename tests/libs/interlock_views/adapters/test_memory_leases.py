"""Leases in memory keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_testing.clock import FakeClock
from interlock_testing.contracts.leases import TTL_S, LeasesContract
from interlock_views.adapters.memory import MemoryLeases, MemoryViews
from interlock_views.lease import Leases


class TestMemoryLeases(LeasesContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryLeases]:
        self.clock = FakeClock()
        yield MemoryLeases(self.clock.monotonic, MemoryViews())

    async def run_out(self, leases: Leases) -> None:
        self.clock.advance(TTL_S + 1)
