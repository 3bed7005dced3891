"""Every async test of this package runs on both event loops; a client that leaves a connection behind
fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop

from interlock_upstream import HttpClient
from tests.libs.interlock_upstream.certificates import Identity, make_identity

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Loops:
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def make_client() -> AsyncIterator[Callable[..., HttpClient]]:
    """Builds clients that are closed, and found empty, after the test."""
    made: list[HttpClient] = []

    def make(**options: Any) -> HttpClient:
        made.append(HttpClient(**options))
        return made[-1]

    yield make
    for client in made:
        await client.close()
        assert client.stats().open == 0


@pytest.fixture
async def client(make_client: Callable[..., HttpClient]) -> HttpClient:
    return make_client()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """An identity of another authority."""
    return make_identity(tmp_path_factory.mktemp("stranger"))
