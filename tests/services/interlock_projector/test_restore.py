"""A cold start without a checkpoint, as after kill -9: changes count from the rows that are there."""

from collections.abc import AsyncIterator

import pytest

from interlock_domain.catalog.commands import SetTargetState
from interlock_domain.words import AdminState
from interlock_testing.clock import FakeClock
from tests.services.interlock_projector.rig import NAME, WatchedViews, declare, projector
from tests.services.stores import KINDS, Stores

ROW = "target/atlas/large"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS)
async def stores(request, tmp_path, clock) -> AsyncIterator[Stores]:
    opened = Stores(request.param, tmp_path, clock.wall_ms)
    yield opened
    await opened.close()


async def test_given_a_row_whose_time_ends_while_nothing_runs_when_it_starts_then_the_row_is_removed(
    stores, clock
):
    await declare(stores)
    await declare(
        stores, SetTargetState(target="atlas/large", state=AdminState.DRAINED, expires_in_ms=10_000)
    )
    await projector(stores).start()
    assert ROW in (await stores.views.load(NAME)).rows
    clock.advance(20_000)

    views = WatchedViews(stores.views, stores.log)
    await projector(stores, views=views).start()

    assert ROW not in (await stores.views.load(NAME)).rows
    assert views.barriers
