"""Views in PostgreSQL keep the contract; a step is one statement, and what it passed over is kept once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from interlock_runtime.postgres import DatabaseUnreachable, open_postgres, transaction
from interlock_testing.contracts.samples import effect
from interlock_testing.contracts.views import NAME, ViewsContract, saved, step
from interlock_testing.waiting import free_port
from interlock_views.adapters.leases import PostgresLeases
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.adapters.postgres_promotion import PostgresPromotions
from interlock_views.views import ViewCommit, ViewTable
from tests.libs.interlock_views.adapters.letter import Letter

pytestmark = pytest.mark.cluster


@asynccontextmanager
async def engine_of(postgres: Any) -> AsyncIterator[Any]:
    async with postgres.database() as url:
        engine = open_postgres(url)
        try:
            yield engine
        finally:
            await engine.dispose()


class TestPostgresViews(ViewsContract):
    @pytest.fixture(autouse=True)
    def _service(self, postgres):
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresViews]:
        async with engine_of(self.postgres) as engine:
            yield PostgresViews(engine)


async def test_a_record_that_was_passed_over_is_kept_once_with_its_bytes(postgres):
    async with engine_of(postgres) as engine:
        views = PostgresViews(engine)
        epoch = await views.claim(NAME)
        for at in (1, 2):
            letters = tuple(Letter(offset=offset) for offset in range(3))
            told = ViewCommit(
                projection=NAME,
                epoch=epoch,
                expected_position=at - 1,
                position=at,
                rows={},
                dead_letters=letters,
            )
            assert await views.commit(told)
        async with transaction(engine) as connection:
            found = (await connection.execute(text("SELECT * FROM dead_letter ORDER BY log_offset"))).all()
    assert [(row.consumer, row.log_offset, row.state) for row in found] == [
        (NAME, offset, "waiting") for offset in range(3)
    ]
    assert (found[0].key, found[0].value) == (b"\xff", None)
    assert msgspec.json.decode(found[0].headers, type=list[tuple[str, bytes]])[0] == ("ce_id", b"\xfe")


async def test_of_two_commits_at_once_for_one_step_exactly_one_is_made(postgres):
    async with engine_of(postgres) as engine:
        views = PostgresViews(engine)
        epoch = await views.claim(NAME)
        steps = [
            ViewCommit(
                projection=NAME,
                epoch=epoch,
                expected_position=0,
                position=n,
                rows={"a": str(n).encode(), f"only-{n}": b""},
                effects=(effect(n),),
            )
            for n in range(1, 5)
        ]
        done = await asyncio.gather(*map(views.commit, steps))
        assert sum(done) == 1
        winner = steps[done.index(True)]
        table = await views.load(NAME)
        assert (table.position, table.rows) == (winner.position, winner.rows)
        assert list(await views.transitions()) == list(winner.effects)


async def test_a_former_owner_saves_no_checkpoint(postgres):
    async with engine_of(postgres) as engine:
        views = PostgresViews(engine)
        former = await views.claim(NAME)
        later = await views.claim(NAME)
        await views.save_checkpoint(msgspec.structs.replace(saved(2), epoch=former))
        assert await views.checkpoint(NAME) is None
        await views.save_checkpoint(msgspec.structs.replace(saved(2), epoch=later))
        assert await views.checkpoint(NAME) == saved(2)


async def test_readers_see_the_transitions_of_the_projection_in_force_only(postgres):
    async with engine_of(postgres) as engine:
        views, promotions = PostgresViews(engine), PostgresPromotions(engine)
        for name, subject in (("routing-1", "target/old"), ("routing-2", "target/new")):
            told = ViewCommit(
                projection=name,
                epoch=await views.claim(name),
                expected_position=0,
                position=2,
                rows={},
                effects=(effect(1, subject=subject), effect(2, subject=subject)),
            )
            assert await views.commit(told)
        assert await promotions.point_at("routing-2", instead_of="routing-1")
        for found in (await views.transitions(), await views.transitions(newest=True, limit=1)):
            assert {one.subject for one in found} == {"target/new"}
        assert await promotions.point_at("routing-1", instead_of="routing-2")
        assert {one.subject for one in await views.transitions(after=1)} == {"target/old"}


async def test_a_claim_ends_a_lease(postgres):
    async with engine_of(postgres) as engine:
        views, leases = PostgresViews(engine), PostgresLeases(engine)
        lease = await leases.acquire(NAME, "a", 30.0)
        assert lease is not None
        assert await views.claim(NAME) > lease.epoch
        assert not await leases.renew(lease, 30.0)


async def test_prune_deletes_old_transitions_only(postgres):
    async with engine_of(postgres) as engine:
        views = PostgresViews(engine)
        epoch = await views.claim(NAME)
        told = tuple(effect(position) for position in range(1, 6))
        await views.commit(
            ViewCommit(
                projection=NAME, epoch=epoch, expected_position=0, position=5, rows={"a": b"1"}, effects=told
            )
        )
        assert await views.prune(3000) == 2
        assert list(await views.transitions()) == list(told[2:])
        assert (await views.load(NAME), await views.position(NAME)) == (
            ViewTable(position=5, rows={"a": b"1"}),
            5,
        )


async def test_a_database_that_is_away_is_one_sentence_without_the_password():
    engine = open_postgres(f"postgresql://someone:hunter2@127.0.0.1:{free_port()}/none")
    with pytest.raises(DatabaseUnreachable) as told:
        await PostgresViews(engine).commit(step(1, 0, 1, a=b"1"))
    await engine.dispose()
    assert "hunter2" not in str(told.value)
    assert "127.0.0.1" in str(told.value)
