"""Providers whose pauses the test ends."""

from collections.abc import AsyncIterator

import pytest

from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.wire import (
    HeldProvider,
)


@pytest.fixture
async def atlas() -> AsyncIterator[SimulatedProvider]:
    """As everywhere, but that the test ends its pauses."""
    async with HeldProvider("atlas") as provider:
        yield provider


@pytest.fixture
async def breeze() -> AsyncIterator[SimulatedProvider]:
    """The same."""
    async with HeldProvider("breeze") as provider:
        yield provider
