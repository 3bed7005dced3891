"""What a gateway is asked in the leak drill: requests that fail in every way, streams whose clients leave.

Rule: the client is a plain one over sockets, and it tells the provider when it has content, so that a fault
behind content is one. A request names one exact target, so one request is one attempt; each way to fail has a
target of its own and is asked for one request after another, all ways at once.
"""

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from interlock_testing.faults import FAULTS
from interlock_testing.faulty import FaultyProvider
from interlock_upstream.client import HttpClient
from interlock_upstream.errors import UpstreamFailed
from interlock_upstream.limits import Limits
from interlock_upstream.origin import Origin
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_fixed_headers, build_head

KEY: Final = "a-gateway-key"
LIMITS: Final = PhaseLimits(connect_s=10.0, headers_s=60.0)
IDLE_S: Final = 30.0
AT_ONCE: Final = 64

LEFT_OUT: Final = frozenset(
    {"none", "no-sentinel", "slow-first-token", "garbage-100-mb", "401", "402", "403", "404", "404-model"}
)
"""What is no failure, faults of 100 MB each, and those after which a gateway asks no more for minutes."""
ADDRESSES: Final = ("refused", "unanswered", "untrusted", "not-tls")
"""Providers whose address is what is wrong."""
PATHS: Final = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
}


class Way(Struct, frozen=True):
    """A way to fail, of a whole answer or of a stream."""

    kind: str
    stream: bool

    @property
    def model(self) -> str:
        """The model that fails so."""
        return f"{self.kind}.{'streamed' if self.stream else 'whole'}"

    def target(self, api: str) -> str:
        """The exact target of that API."""
        provider = self.kind if self.kind in ADDRESSES else ("claude" if api == "messages" else "faulty")
        return f"{provider}/{self.model}"


WAYS: Final = (
    *(Way(name, True) for name, fault in FAULTS.items() if fault.stream and name not in LEFT_OUT),
    *(Way(name, False) for name, fault in FAULTS.items() if fault.whole and name not in LEFT_OUT),
    *(Way(name, stream) for name in ADDRESSES for stream in (True, False)),
)


class Leaves(StrEnum):
    """When a client goes away."""

    AT_HEAD = "at the head"
    IN_PREAMBLE = "in the preamble"
    IN_CONTENT = "in the content"
    AT_END = "at the end"


class Caller:
    """Asks one gateway."""

    def __init__(self, port: int) -> None:
        self._origin, _ = Origin.parse(f"http://127.0.0.1:{port}")
        self._client = _client()
        self._headers = build_fixed_headers(
            [(b"content-type", b"application/json"), (b"authorization", b"Bearer " + KEY.encode())]
        )

    def request(self, api: str, model: str, *, stream: bool) -> UpstreamRequest:
        """One request of that API."""
        body = json.dumps({**_BODY, "model": model, "stream": stream}).encode()
        head = build_head(
            b"POST", PATHS[api].encode(), self._origin.authority, self._headers, content_length=len(body)
        )
        return UpstreamRequest(self._origin, head, body)

    async def fail(self, faulty: FaultyProvider, way: Way, api: str) -> int:
        """One request that fails in this way; the status, 0 without one."""
        try:
            request = self.request(api, way.target(api), stream=way.stream)
            response = await self._client.send(request, LIMITS)
        except UpstreamFailed:
            return 0
        with suppress(UpstreamFailed):
            while await response.next(IDLE_S) is not None:
                faulty.heard(way.model)
        response.release()
        return response.status

    async def ask(self, model: str) -> int:
        """One request for a whole answer; its status."""
        response = await self._client.send(self.request("chat", model, stream=False), LIMITS)
        await response.read(1 << 20, IDLE_S)
        response.release()
        return response.status

    async def leave(self, model: str, when: Leaves, draw: random.Random) -> Leaves:
        """One stream whose client goes away at that moment."""
        sending = asyncio.ensure_future(self._client.send(self.request("chat", model, stream=True), LIMITS))
        if when is Leaves.AT_HEAD:
            await asyncio.sleep(draw.random() * 0.02)
        if when in (Leaves.AT_HEAD, Leaves.IN_PREAMBLE):
            await asyncio.wait([sending], timeout=draw.random() * 0.3 if when is Leaves.IN_PREAMBLE else 0)
            sending.cancel()
            with suppress(asyncio.CancelledError, UpstreamFailed):
                (await sending).release()
            return when
        response = await sending
        left = draw.randint(1, 8) if when is Leaves.IN_CONTENT else 1_000
        with suppress(UpstreamFailed):
            while left and await response.next(IDLE_S) is not None:
                left -= 1
        response.release()
        return when

    async def hang_up(self) -> None:
        """Close every connection, and go on with new ones."""
        await self._client.close()
        self._client = _client()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def _client() -> HttpClient:
    return HttpClient(limits=Limits(max_connections=8_000))


_BODY: Final[dict[str, Any]] = {
    "messages": [{"role": "user", "content": "hi"}],
    "input": "hi",
    "prompt": "hi",
    "max_tokens": 5,
}


async def fail_all(
    caller: Caller, faulty: FaultyProvider, *, requests: int, draw: random.Random
) -> Counter[str]:
    """So many requests that fail, of every way alike; their statuses by kind."""
    seen: Counter[str] = Counter()

    async def work(way: Way, times: int) -> None:
        for _ in range(times):
            status = await caller.fail(faulty, way, draw.choice([*PATHS]))
            seen[f"{way.kind} {status}"] += 1

    each, more = divmod(requests, len(WAYS))
    await asyncio.gather(*(work(way, each + (n < more)) for n, way in enumerate(WAYS)))
    return seen


async def invent_all(caller: Caller, *, first: int, names: int) -> None:
    """As many requests, each for an exact target that nobody declared and nobody asked for before."""
    waiting = list(range(first, first + names))

    async def work() -> None:
        while waiting:
            await caller.ask(f"faulty/500.invented-{waiting.pop()}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def leave_all(caller: Caller, *, streams: int, draw: random.Random) -> Counter[Leaves]:
    """So many streams at once, each left by its client at some moment."""
    whens = [draw.choice([*Leaves]) for _ in range(streams)]
    left = await asyncio.gather(*(caller.leave("chat", when, draw) for when in whens))
    return Counter(left)
