"""What the tests of hedging share: policies that race, what the gateway counts, a client with a moment."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx2

from interlock_testing.behaviour import healthy
from interlock_testing.running import RunningLoop, declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from interlock_upstream.client import HttpClient
from interlock_upstream.pool import PoolStats
from interlock_upstream.port import UpstreamResponse
from interlock_upstream.request import PhaseLimits, UpstreamRequest

SLOW = healthy(first_token_ms=5_000)
"""Far beyond every delay here: who waits for it has not been raced."""


def racing(after: str = "30ms", *, ratio: float = 1.0, attempts: str = "", more: str = "") -> str:
    """A policy under which a stream is raced after so long; `more` are whole blocks of it."""
    return (
        f"{{hedge: {{enabled: true, after: {after}}}, budgets: {{hedge_ratio: {ratio}}}, "
        f"attempts: {{backoff: {{initial: 1ms, max: 2ms}}{', ' + attempts if attempts else ''}}}"
        f"{', ' + more if more else ''}}}"
    )


def both(atlas: SimulatedProvider, breeze: SimulatedProvider, policy: str, more: str = "") -> str:
    """Two providers, in this order."""
    return declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=policy, more=more)


async def counted_hedges(loop: RunningLoop) -> dict[str, float]:
    """What the metrics page says of hedges."""
    page = (await loop.http.get("/metrics")).text
    lines = (line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("interlock_hedges"))
    return {name: float(value) for name, value in lines if not name.partition("{")[0].endswith("_created")}


STARTED = 'interlock_hedges_total{pool="chat"}'
WON = 'interlock_hedges_won_total{pool="chat"}'


def suppressed(reason: str) -> str:
    """The counter of streams that were not raced for this reason."""
    return f'interlock_hedges_suppressed_total{{pool="chat",reason="{reason}"}}'


class ActingClient:
    """An upstream client that does something in the very step in which `provider` says its first content."""

    def __init__(self, provider: str, act: Callable[[], None]) -> None:
        self._client = HttpClient()
        self._key = f"{provider}/large"
        self.content = re.compile(rb'"content": ?"' + provider.encode())
        self.act = act
        self.held = 0
        """Responses of that provider which nobody has released."""

    async def send(self, request: UpstreamRequest, limits: PhaseLimits) -> UpstreamResponse:
        """See the port."""
        response = await self._client.send(request, limits)
        return _Acting(self, response) if request.pool_key == self._key else response

    def stats(self) -> PoolStats:
        """Of the real one."""
        return self._client.stats()

    async def close(self) -> None:
        """Close the real one."""
        await self._client.close()


class _Acting:
    """Hands on what it reads, and acts before the first content."""

    def __init__(self, client: ActingClient, response: UpstreamResponse) -> None:
        self._client = client
        self._response = response
        self.status, self.headers = response.status, response.headers
        client.held += 1

    @property
    def complete(self) -> bool:
        return self._response.complete

    def header(self, name: bytes) -> bytes | None:
        return self._response.header(name)

    async def next(self, idle_s: float) -> bytes | None:
        piece = await self._response.next(idle_s)
        if piece is not None and self._client.content.search(piece):
            self._client.act()
        return piece

    async def pour(self, sink: Callable[[bytes], bool], idle_s: float) -> None:
        await self._response.pour(sink, idle_s)

    async def read(self, max_bytes: int, idle_s: float, deadline_s: float | None = None) -> bytes:
        return await self._response.read(max_bytes, idle_s, deadline_s)

    def release(self) -> None:
        self._client.held -= 1
        self._response.release()


async def both_called(atlas: SimulatedProvider, breeze: SimulatedProvider) -> None:
    """Until the race is on: each has the call."""
    await until(lambda: atlas.open == breeze.open == 1, timeout_s=15, what="both calls")


def one_ended(loop: RunningLoop) -> Callable[[], Any]:
    """Whether an attempt of a request that runs has ended."""
    return lambda: any(one.attempts for one in loop.gateway.service.gateway.exchanges)


def ask(loop: RunningLoop) -> asyncio.Task[httpx2.Response]:
    """A stream, asked for while the test goes on."""
    return asyncio.create_task(loop.chat(stream=True))
