"""A gateway under watch: whether clients may use it now, and every snapshot that came into force at it.

Rule: what it routed by is read from its own log, where each swap stands in its order, so nothing is missed
between two looks. A life ends with kill -9: the next one begins from a file that may be a second old, so
versions are compared within a life. Dropped: asking /metrics, which shows the version at the moments asked.
"""

import asyncio
import json
import os
import signal
from typing import Final

from interlock_control.place import parse_version
from tests.drills.rig.cell import GatewayProcess

IN_FORCE: Final = b"is in force"


class WatchedGateway:
    """One gateway; `broken` is set from just before it is struck until it serves again."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.broken = asyncio.Event()
        self.life = 0
        self.swaps = 0
        self.went_back: list[str] = []
        self._newest = (0, 0)
        self._read = 0

    @property
    def name(self) -> str:
        """Its id."""
        return self.gateway.name

    @property
    def position(self) -> int:
        """Log position of the newest snapshot of this life."""
        self.look()
        return self._newest[1]

    def look(self) -> None:
        """Read what its log says since the last look, whole lines only."""
        with self.gateway.process.log_path.open("rb") as log:
            log.seek(self._read)
            told = log.read()
        told = told[: told.rfind(b"\n") + 1]
        self._read += len(told)
        for line in told.splitlines():
            if IN_FORCE in line:
                self._swapped(json.loads(line)["message"].split()[1])

    def kill(self) -> None:
        """kill -9; what it said last still belongs to that life."""
        self.broken.set()
        self.gateway.process.kill()
        self.look()
        self._newest = (0, 0)
        self.life += 1

    def pause(self) -> None:
        """SIGSTOP."""
        self.broken.set()
        os.killpg(self.gateway.process.pid, signal.SIGSTOP)

    async def go_on(self) -> None:
        """SIGCONT; clients come back at once."""
        os.killpg(self.gateway.process.pid, signal.SIGCONT)
        self.broken.clear()

    async def start(self) -> None:
        """Start again on its port and folder; clients come back when it is ready."""
        await self.gateway.start()
        await self.gateway.ready()
        self.broken.clear()

    def _swapped(self, version: str) -> None:
        now = parse_version(version)
        if now is None or now < self._newest:
            self.went_back.append(f"{self.name}: g{self._newest[0]}:{self._newest[1]}, then {version}")
        self._newest = now or self._newest
        self.swaps += 1
