"""A control plane over each kind of store, and one over memory where the store does not matter."""

from collections.abc import AsyncIterator

import pytest

from interlock_testing.clock import FakeClock
from tests.services.interlock_control.rig import Serving, serving
from tests.services.stores import KINDS, Stores


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS)
async def each(request, tmp_path, clock) -> AsyncIterator[Serving]:
    """Over memory, then over a file with the child process that folds the past."""
    stores = Stores(request.param, tmp_path, clock.wall_ms)
    async with serving(stores, clock) as running:
        yield running
    await stores.close()


@pytest.fixture
async def one(tmp_path, clock) -> AsyncIterator[Serving]:
    """Over memory."""
    async with serving(Stores("memory", tmp_path, clock.wall_ms), clock) as running:
        yield running
