"""Leases in PostgreSQL keep the contract, by the database's clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.contracts.leases import NAME, LeasesContract
from interlock_testing.waiting import until
from interlock_views.adapters.leases import PostgresLeases
from interlock_views.lease import Leases

pytestmark = pytest.mark.cluster


class TestPostgresLeases(LeasesContract):
    @pytest.fixture(autouse=True)
    def _service(self, postgres):
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresLeases]:
        async with self.postgres.database() as url:
            self.engine = open_postgres(url)
            try:
                yield PostgresLeases(self.engine)
            finally:
                await self.engine.dispose()

    async def run_out(self, leases: Leases) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(
                text("UPDATE projection SET lease_until = now() - interval '1 s' WHERE name = :name"),
                {"name": NAME},
            )

    async def test_the_clock_of_the_database_ends_it(self) -> None:
        async with self.opened() as leases:
            assert await leases.acquire(NAME, "a", 0.05) is not None

            async def taken() -> bool:
                return await leases.acquire(NAME, "b", 30.0) is not None

            await until(taken, timeout_s=20.0, what="the lease to run out")

    async def test_of_many_who_ask_at_once_one_gets_it(self) -> None:
        async with self.opened() as leases:
            asked = (leases.acquire(NAME, str(n), 30.0) for n in range(12))
            found = [lease for lease in await asyncio.gather(*asked) if lease is not None]
            assert [lease.epoch for lease in found] == [1]
