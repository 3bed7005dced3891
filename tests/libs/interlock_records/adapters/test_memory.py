"""Request records in memory keep the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_testing.contracts.records import RequestRecordsContract


class TestMemoryRequestRecords(RequestRecordsContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryRequestRecords]:
        yield MemoryRequestRecords()
