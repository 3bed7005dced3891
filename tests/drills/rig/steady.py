"""Steady load over all gateways: each client has a gateway of its own, and leaves it while that is struck.

Rule: an answer that a client did not get is its gateway's fault unless that gateway itself was being killed
or stood still; then the request was cut, the client goes to another gateway and comes back. Nothing is
retried silently: a client that repairs would hide what the drill looks for.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from interlock_control.place import parse_version
from tests.drills.rig.client import Answer, ChatClient
from tests.drills.rig.watched import WatchedGateway

POOL: Final = "chat"
STREAMED: Final = 0.3
LONGEST_S: Final = 30.0
"""A busy machine; what takes longer is an error."""
KEPT: Final = 50
"""Errors that are told; the count goes on."""


class SteadyLoad:
    """One client a gateway, each asking again and again."""

    def __init__(self, gateways: Sequence[WatchedGateway], draw: random.Random, *, pause_s: float) -> None:
        self.served = 0
        self.cut = 0
        """Requests that were under way when their own gateway was struck."""
        self.failed = 0
        self.errors: list[str] = []
        self.went_back: list[str] = []
        self._gateways = gateways
        self._draw = draw
        self._pause_s = pause_s
        self._clients: dict[tuple[str, int], ChatClient] = {}
        self._seen: dict[tuple[int, str, int], tuple[int, int]] = {}

    async def keep_asking(self) -> None:
        """All clients, until cancelled."""
        async with asyncio.TaskGroup() as clients:
            for number in range(len(self._gateways)):
                clients.create_task(self._keep_asking(number))

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()

    async def _keep_asking(self, number: int) -> None:
        while True:
            gateway = self._usable(number)
            if gateway is not None:
                await self._ask(number, gateway)
            await asyncio.sleep(self._draw.uniform(0.5, 1.5) * self._pause_s)

    def _usable(self, home: int) -> WatchedGateway | None:
        count = len(self._gateways)
        order = [self._gateways[(home + n) % count] for n in range(count)]
        return next((one for one in order if not one.broken.is_set()), None)

    async def _ask(self, number: int, gateway: WatchedGateway) -> None:
        stream, life = self._draw.random() < STREAMED, gateway.life
        client = self._clients.setdefault(
            (gateway.name, life), ChatClient(f"http://127.0.0.1:{gateway.gateway.port}/v1")
        )
        asking = asyncio.create_task(client.ask(POOL, stream=stream))
        struck = asyncio.create_task(gateway.broken.wait())
        try:
            await asyncio.wait((asking, struck), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            struck.cancel()
            answer = asking.result() if asking.done() and not asking.cancelled() else None
            asking.cancel()
            await asyncio.gather(asking, struck, return_exceptions=True)
        if answer is not None and _is_good(answer, stream=stream):
            self.served += 1
            self._compare(number, gateway.name, life, answer.snapshot)
        elif gateway.broken.is_set() or gateway.life != life:
            self.cut += 1
        else:
            self._failed(gateway.name, answer)

    def _compare(self, number: int, name: str, life: int, snapshot: str) -> None:
        """One client asks one after another, so what it is told by one life never goes back."""
        place, now = (number, name, life), parse_version(snapshot)
        before = self._seen.get(place, (0, 0))
        if now is None or now < before:
            self.went_back.append(f"{name} to client {number}: g{before[0]}:{before[1]}, then {snapshot!r}")
        self._seen[place] = now or before

    def _failed(self, name: str, answer: Answer | None) -> None:
        self.failed += 1
        if len(self.errors) < KEPT:
            told = "no answer in time" if answer is None else f"{answer.status} {answer.body[-200:]!r}"
            self.errors.append(f"{name}: {told}")


def _is_good(answer: Answer, *, stream: bool) -> bool:
    return answer.status == 200 and answer.whole and (not stream or b"data: [DONE]" in answer.body)
