"""Gateways run on uvloop, as they are served."""

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from interlock_testing.upstream import SimulatedProvider


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], uvloop.Loop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def atlas() -> AsyncIterator[SimulatedProvider]:
    """The provider that is asked first, and that usually fails."""
    async with SimulatedProvider("atlas") as provider:
        yield provider


@pytest.fixture
async def breeze() -> AsyncIterator[SimulatedProvider]:
    """The one behind it."""
    async with SimulatedProvider("breeze") as provider:
        yield provider
