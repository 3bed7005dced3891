"""Views of a log that was cut or replaced begin again where both logs still agree, and nobody old goes on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.contracts.samples import effect
from interlock_testing.contracts.views import NAME, saved
from interlock_views.adapters.leases import PostgresLeases
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.adapters.postgres_anew import Anew
from interlock_views.anew import Furthest
from interlock_views.views import ViewCommit
from tests.libs.interlock_views.adapters.letter import Letter

pytestmark = pytest.mark.cluster


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Any]:
    opened = open_postgres(database_url)
    try:
        yield opened
    finally:
        await opened.dispose()


async def committed(views: PostgresViews, position: int, *, epoch: int, after: int, letter: int) -> None:
    done = await views.commit(
        ViewCommit(
            projection=NAME,
            epoch=epoch,
            expected_position=after,
            position=position,
            rows={f"row-{position}": b"x"},
            effects=(effect(position),),
            dead_letters=(Letter(offset=letter),),
        )
    )
    assert done


async def owned_to_four(engine: Any) -> tuple[PostgresViews, int]:
    """Committed at 2 and 4, a checkpoint at 2 and at 4."""
    views = PostgresViews(engine)
    epoch = await views.claim(NAME)
    await committed(views, 2, epoch=epoch, after=0, letter=1)
    await views.save_checkpoint(saved(2))
    await committed(views, 4, epoch=epoch, after=2, letter=3)
    await views.save_checkpoint(saved(4))
    return views, epoch


async def letters(engine: Any) -> list[tuple[str, int]]:
    async with transaction(engine) as connection:
        found = await connection.execute(
            text("SELECT topic, log_offset FROM dead_letter ORDER BY log_offset")
        )
        return [tuple(row) for row in found]


async def test_given_nothing_then_nobody_came_anywhere(engine: Any) -> None:
    assert await Anew(engine).furthest() == Furthest(position=0, epoch=0)


async def test_given_another_log_then_everything_that_was_folded_goes_and_letters_stay(engine: Any) -> None:
    views, epoch = await owned_to_four(engine)
    ((topic, _), _) = await letters(engine)
    assert await Anew(engine).furthest() == Furthest(position=4, epoch=epoch)
    cut = await Anew(engine).cut(0, topic=topic, generation=1)
    assert (cut.position, cut.transitions) == (0, 2)
    table = await views.load(NAME)
    assert (table.position, table.rows) == (0, {})
    assert (await views.checkpoint(NAME), list(await views.transitions())) == (None, [])
    assert await letters(engine) == [(f"{topic}@g1", 1), (f"{topic}@g1", 3)]


async def test_given_a_log_that_lost_its_end_then_the_views_stand_at_the_last_checkpoint_before(
    engine: Any,
) -> None:
    views, _ = await owned_to_four(engine)
    ((topic, _), _) = await letters(engine)
    cut = await Anew(engine).cut(3, topic=topic, generation=1)
    assert (cut.position, cut.transitions) == (2, 1)
    assert (await views.load(NAME)).position == 2
    assert await views.checkpoint(NAME) == saved(2)
    assert [one.position for one in await views.transitions()] == [2]
    assert await letters(engine) == [(topic, 1), (f"{topic}@g1", 3)]


async def test_given_an_owner_then_it_is_fenced_off_and_its_lease_is_free(engine: Any) -> None:
    views, epoch = await owned_to_four(engine)
    leases = PostgresLeases(engine)
    await Anew(engine).cut(0, topic="t", generation=1)
    late = ViewCommit(projection=NAME, epoch=epoch, expected_position=0, position=5, rows={})
    assert not await views.commit(late)
    taken = await leases.acquire(NAME, "next", 5.0)
    assert taken is not None
    assert taken.epoch > epoch
