"""The demo as one thing that can be started and stopped."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping
from functools import partial

from interlock_quickstart.demo.catalog import PROVIDERS, demo_config
from interlock_quickstart.demo.provider import DemoProvider
from interlock_quickstart.demo.schedule import Mood, mood_of
from interlock_quickstart.demo.traffic import Traffic
from interlock_quickstart.listen import PortRefused, listen, port_of


class Demo:
    """Three providers and a client. `open`, `start` when the gateway listens, `stop`."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        self._providers: list[DemoProvider] = []
        self._traffic: Traffic | None = None
        self._sending: asyncio.Task[None] | None = None
        self._began = time.monotonic()

    def open(self, known: Mapping[str, int]) -> dict[str, object]:
        """Take the providers' ports, the known ones where they are free; answers the configuration."""
        for name in PROVIDERS:
            self._sockets[name] = _any_socket(known.get(name, 0))
        return demo_config([port_of(self._sockets[name]) for name in PROVIDERS])

    async def start(self, gateway_port: int) -> None:
        """Begin to answer and to ask; troubles are counted from now."""
        self._began = time.monotonic()
        for name, listening in self._sockets.items():
            provider = DemoProvider(name, partial(self._mood, name))
            await provider.start(listening)
            self._providers.append(provider)
        self._traffic = Traffic(gateway_port)
        self._sending = asyncio.get_running_loop().create_task(self._traffic.run())

    async def hush(self) -> None:
        """Ask no more."""
        if self._sending is not None and self._traffic is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
            await self._traffic.stop()

    async def stop(self) -> None:
        """Answer no more; the traffic must have been hushed."""
        for provider in self._providers:
            await provider.stop()
        for listening in self._sockets.values():
            listening.close()

    def _mood(self, name: str) -> Mood:
        return mood_of(name, time.monotonic() - self._began)


def _any_socket(wanted: int) -> socket.socket:
    """A socket on the wanted port, or on any when somebody else has it."""
    for port in (wanted, 0):
        found = listen(port, option="a free port")
        if not isinstance(found, PortRefused):
            return found
    raise OSError("no free port on loopback")
