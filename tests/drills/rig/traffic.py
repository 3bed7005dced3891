"""Requests at a steady rate over several gateways in turn, whatever the answers do.

Rule: a request is sent when it is due and not when the one before it was answered, because a target that
hangs must not quiet the clients; nothing is repeated, and whatever is not a whole 200 is an error.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Final

from tests.drills.rig.client import Answer, ChatClient

KEPT: Final = 20
"""Errors that are told; the count goes on."""


class Traffic:
    """`names` are the providers, whose answers hold their names. Times are seconds since `begin`."""

    def __init__(self, urls: Sequence[str], names: Sequence[str], *, per_second: float) -> None:
        self.asked = 0
        self.answered = 0
        self.failed: Counter[str] = Counter()
        """Errors by gateway."""
        self.errors: list[str] = []
        self.served: Counter[tuple[int, str]] = Counter()
        """Answers by second and provider."""
        self.latest_s = 0.0
        """How late a request was sent at most: the drill's own machine, not the gateways."""
        self._clients = [ChatClient(f"{url}/v1") for url in urls]
        self._urls = urls
        self._marks = {name: name.encode() for name in names}
        self._per_second = per_second
        self._began = monotonic()
        self._over = asyncio.Event()

    @property
    def elapsed_s(self) -> float:
        """Since the traffic began."""
        return monotonic() - self._began

    @contextlib.asynccontextmanager
    async def flowing(self, models: Sequence[str] = ("chat",)) -> AsyncIterator["Traffic"]:
        """Send while the body runs, each gateway the models in turn; at its end wait for every answer."""
        self._began, self._over = monotonic(), asyncio.Event()
        driving = asyncio.create_task(self._drive(models))
        try:
            yield self
        finally:
            self._over.set()
            await driving
            for client in self._clients:
                await client.close()

    async def until_s(self, moment_s: float) -> None:
        """Until that second of the traffic."""
        await asyncio.sleep(max(0.0, moment_s - self.elapsed_s))

    def share(self, provider: str, second: int) -> float:
        """The provider's share of the answers of a second."""
        total = sum(self.served[second, name] for name in self._marks)
        return self.served[second, provider] / total if total else 0.0

    async def _drive(self, models: Sequence[str]) -> None:
        under_way: set[asyncio.Task[None]] = set()
        while not self._over.is_set():
            late_s = self.elapsed_s - self.asked / self._per_second
            if late_s < 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), -late_s)
                continue
            self.latest_s = max(self.latest_s, late_s)
            turn, number = divmod(self.asked, len(self._clients))
            asking = asyncio.create_task(self._ask(number, models[turn % len(models)]))
            under_way.add(asking)
            asking.add_done_callback(under_way.discard)
            self.asked += 1
            await asyncio.sleep(0)
        await asyncio.gather(*under_way)

    async def _ask(self, number: int, model: str) -> None:
        answer = await self._clients[number].ask(model)
        if answer.status == 200 and answer.whole:
            self.answered += 1
            second = int(self.elapsed_s)
            for name, mark in self._marks.items():
                if mark in answer.body:
                    self.served[second, name] += 1
        else:
            self._fail(self._urls[number], answer)

    def _fail(self, url: str, answer: Answer) -> None:
        self.failed[url] += 1
        if len(self.errors) < KEPT:
            self.errors.append(f"second {self.elapsed_s:.1f}, {url}: {answer.status} {answer.body[-300:]!r}")
