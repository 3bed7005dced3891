"""The services of one cell as a drill keeps them: gateways under watch, projectors, control planes, and who
of them holds what at the moment.

Rule: who is the relay and who owns the projection is asked of the processes themselves, never of the
database, because the drill strikes the one that believes it works.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Final, Self

import httpx2

from interlock_testing.waiting import ServerProcess, until
from tests.drills.rig.cell import Cell, ControlProcess
from tests.drills.rig.watched import WatchedGateway

CONTROLS: Final = 2
PROJECTORS: Final = 2
HELD_S: Final = 60.0
"""Somebody holds it again long before."""
BETWEEN_LOOKS_S: Final = 0.05


class Fleet:
    """`gateways` gateways, two projectors and two control planes over one cell."""

    def __init__(self, cell: Cell, *, gateways: int) -> None:
        self.cell = cell
        config = str(cell.folder / "interlock.yaml")
        self.controls = [cell.control(f"control-{n}", "--config", config) for n in range(CONTROLS)]
        self.projectors = [cell.projector(f"projector-{n}") for n in range(PROJECTORS)]
        self.gateways = [
            WatchedGateway(cell.gateway(f"gw-{n}", INTERLOCK_LOG_LEVEL="DEBUG")) for n in range(gateways)
        ]
        self._http = httpx2.AsyncClient(timeout=5, trust_env=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.push_async_callback(self._http.aclose)
        # Killed at the end, not asked: how a service stops is for other tests.
        parts = [*(one.process for one in self.controls), *self.projectors]
        for process in (*parts, *(one.gateway.process for one in self.gateways)):
            self._stack.callback(process.kill)
        clients = [*(one.http for one in self.controls), *(one.gateway.http for one in self.gateways)]
        for client in clients:
            self._stack.push_async_callback(client.aclose)
        try:
            await self.controls[0].start()
            await asyncio.gather(
                *(one.start() for one in self.controls[1:]),
                *(one.start(timeout_s=HELD_S) for one in self.projectors),
                *(one.start() for one in self.gateways),
            )
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    @property
    def serving(self) -> list[WatchedGateway]:
        """Gateways that are not struck now."""
        return [one for one in self.gateways if not one.broken.is_set()]

    async def relay(self) -> ControlProcess:
        """The control plane that publishes decisions."""

        async def active() -> ControlProcess | None:
            for one in self.controls:
                if await self._shows(f"{one.url}/metrics", "interlock_relay_active", dict(one.http.headers)):
                    return one
            return None

        found: ControlProcess = await until(active, timeout_s=HELD_S, what="a control plane to be the relay")
        return found

    async def owner(self) -> ServerProcess:
        """The projector that writes."""

        async def owning() -> ServerProcess | None:
            for one in self.projectors:
                if await self._shows(_beside(one.url, "metrics"), "interlock_projector_owner"):
                    return one
            return None

        found: ServerProcess = await until(owning, timeout_s=HELD_S, what="a projector to own the projection")
        return found

    async def all_ready(self) -> bool:
        """Every process says that it does its part."""
        urls = [_beside(one.url, "readyz") for one in (*self.projectors, *self._servers())]
        try:
            answers = await asyncio.gather(*(self._http.get(url) for url in urls))
        except httpx2.TransportError:
            await asyncio.sleep(BETWEEN_LOOKS_S)
            return False
        ready = all(answer.status_code == 200 for answer in answers)
        await asyncio.sleep(0 if ready else BETWEEN_LOOKS_S)
        return ready

    def _servers(self) -> list[ServerProcess]:
        return [*(one.process for one in self.controls), *(one.gateway.process for one in self.gateways)]

    async def _shows(self, url: str, gauge: str, headers: dict[str, str] | None = None) -> bool:
        try:
            page = (await self._http.get(url, headers=headers)).text
        except httpx2.TransportError:
            page = ""
        found = re.search(rf"^{gauge}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
        held = found is not None and float(found.group(1)) == 1
        await asyncio.sleep(0 if held else BETWEEN_LOOKS_S)
        return held


def _beside(url: str, path: str) -> str:
    """The same server's other page."""
    return f"{url.rpartition('/')[0]}/{path}"
