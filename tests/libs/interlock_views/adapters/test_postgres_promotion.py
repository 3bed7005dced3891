"""The pointer in PostgreSQL keeps the contract, also when two move it at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.promotions import FIRST, SECOND, PromotionsContract
from interlock_testing.contracts.samples import effect
from interlock_views.adapters.leases import PostgresLeases
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.adapters.postgres_promotion import PostgresPromotions
from interlock_views.views import ViewCommit
from tests.libs.interlock_views.adapters.letter import Letter

pytestmark = pytest.mark.cluster


class TestPostgresPromotions(PromotionsContract):
    @pytest.fixture(autouse=True)
    def _service(self, postgres: Any) -> None:
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresPromotions]:
        async with self.postgres.database() as url:
            self.engine = open_postgres(url)
            self.views = PostgresViews(self.engine)
            try:
                yield PostgresPromotions(self.engine)
            finally:
                await self.engine.dispose()

    async def owned(self, projection: str, *, position: int = 7) -> int:
        epoch = await self.views.claim(projection)
        assert await self.views.commit(await self._step(projection, epoch, position))
        return epoch

    async def still_owned(self, projection: str, epoch: int) -> bool:
        at = await self.views.position(projection)
        return await self.views.commit(await self._step(projection, epoch, at))

    async def _step(self, projection: str, epoch: int, position: int) -> ViewCommit:
        return ViewCommit(
            projection=projection,
            epoch=epoch,
            expected_position=await self.views.position(projection),
            position=position,
            rows={},
            effects=(effect(position),),
            dead_letters=(Letter(offset=0),),
        )

    async def test_a_move_ends_a_lease_and_of_two_at_once_one_is_made(self) -> None:
        async with self.opened() as promotions:
            leases = PostgresLeases(self.engine)
            held = [await leases.acquire(name, "a", 3600.0) for name in (FIRST, SECOND)]
            assert [one.owner for one in await promotions.standings()] == ["a", "a"]
            moved = await asyncio.gather(*(promotions.point_at(SECOND, instead_of=FIRST) for _ in range(4)))
            assert sum(moved) == 1
            for lease in held:
                assert lease is not None
                assert not await leases.renew(lease, 3600.0)
                again = await leases.acquire(lease.projection, "b", 3600.0)
                assert again is not None
                assert again.epoch > lease.epoch

    async def test_letters_that_nobody_has_looked_at_are_counted(self) -> None:
        async with self.opened() as promotions:
            await self.owned(FIRST)
            await self.owned(SECOND)
            assert [one.dead_letters for one in await promotions.standings()] == [1, 1]
