"""Effects and dead letters on their way out of PostgreSQL keep the contract."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from interlock_domain.projection.effects import Effect
from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.outgoing import OutgoingContract
from interlock_testing.contracts.samples import effect
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.adapters.postgres_outgoing import PostgresEffects, PostgresLetters
from interlock_views.adapters.postgres_promotion import PostgresPromotions
from interlock_views.outgoing import Outgoing, UntoldLetter
from interlock_views.views import ViewCommit
from tests.libs.interlock_views.adapters.letter import Letter

pytestmark = pytest.mark.cluster


class PostgresOutgoingContract(OutgoingContract):
    """What both kinds share; the rows are written by view commits, as a projector does."""

    adapter: type[Any]

    @pytest.fixture(autouse=True)
    def _service(self, postgres: Any) -> None:
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Outgoing[Any]]:
        async with self.postgres.database() as url:
            self.engine = open_postgres(url)
            self.views = PostgresViews(self.engine)
            try:
                yield self.adapter(self.engine)
            finally:
                await self.engine.dispose()

    async def given(self, projection: str, positions: Sequence[int]) -> int:
        epoch = await self.replaced(projection)
        step = ViewCommit(
            projection=projection,
            epoch=epoch,
            expected_position=await self.views.position(projection),
            position=positions[-1],
            rows={},
            effects=tuple(effect(position) for position in positions),
            dead_letters=tuple(Letter(offset=position - 1) for position in positions),
        )
        assert await self.views.commit(step)
        return epoch

    async def promoted(self, projection: str, *, instead_of: str) -> None:
        assert await PostgresPromotions(self.engine).point_at(projection, instead_of=instead_of)

    async def replaced(self, projection: str) -> int:
        return await self.views.claim(projection)


class TestPostgresEffects(PostgresOutgoingContract):
    adapter = PostgresEffects

    def position_of(self, one: Effect) -> int:
        return one.position


class TestPostgresLetters(PostgresOutgoingContract):
    adapter = PostgresLetters

    def position_of(self, one: UntoldLetter) -> int:
        return one.offset + 1

    async def test_a_letter_is_given_back_with_its_bytes(self) -> None:
        async with self.opened() as outgoing:
            await self.given("routing-1", (3,))
            (found,) = await outgoing.untold("routing-1", 9)
            assert (found.key, found.value, found.headers[0]) == (b"\xff", None, ("ce_id", b"\xfe"))
            assert (found.topic, found.partition, found.reason) == ("interlock.events.v1", 0, "bad_json")
