"""The vendors' own clients, pointed straight at a simulated provider.

Over plain HTTP, so without the certificates, whose loading would take most of a test's time.
"""

from collections.abc import AsyncIterator, Iterator

import anthropic
import openai
import pytest

from interlock_testing.upstream import SimulatedProvider


@pytest.fixture
async def atlas() -> AsyncIterator[SimulatedProvider]:
    async with SimulatedProvider("atlas") as provider:
        yield provider


@pytest.fixture
async def client(atlas: SimulatedProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(trust_env=False, verify=False)
    async with openai.AsyncOpenAI(base_url=atlas.url, api_key="k", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def blocking(atlas: SimulatedProvider) -> Iterator[openai.OpenAI]:
    """The same without asyncio: call it in a thread, the provider lives in this one."""
    http = openai.DefaultHttpxClient(trust_env=False, verify=False)
    with openai.OpenAI(base_url=atlas.url, api_key="k", max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def claude(atlas: SimulatedProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(trust_env=False, verify=False)
    async with anthropic.AsyncAnthropic(
        base_url=atlas.root_url, api_key="k", max_retries=0, http_client=http
    ) as client:
        yield client


@pytest.fixture
def blocking_claude(atlas: SimulatedProvider) -> Iterator[anthropic.Anthropic]:
    """The same without asyncio."""
    http = anthropic.DefaultHttpxClient(trust_env=False, verify=False)
    with anthropic.Anthropic(base_url=atlas.root_url, api_key="k", max_retries=0, http_client=http) as client:
        yield client
