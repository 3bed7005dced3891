"""A server at work on a socket that its process holds already.

Rule: the process owns its signals, the server is told to stop; it never writes to the terminal. A client
that keeps its connection open cannot hold up the end: what is left after the grace is cut.
"""

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import uvicorn

from interlock_runtime.listen import address_of

POLL_S: Final = 0.005
TICK_S: Final = 1.0
CUT_S: Final = 1.0
"""For the connections that are cut."""

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server whose process owns its signals itself."""

    def capture_signals(self) -> Any:
        """Nothing: who runs this process decides what a signal means."""
        return contextlib.nullcontext()

    async def main_loop(self) -> None:
        """As uvicorn's, once in a second instead of ten times: nothing here is due more often.

        A wake-up of an idle process costs 0.15 ms of processor time, and of ten a second nine did nothing.
        """
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), TICK_S)

    @property
    def should_exit(self) -> bool:
        """Whether somebody wants the end; set, it is noticed at once."""
        return self._leaving.is_set()

    @should_exit.setter
    def should_exit(self, wanted: bool) -> None:
        if wanted:
            self._leaving.set()
        else:
            self._leaving.clear()

    @functools.cached_property
    def _leaving(self) -> asyncio.Event:
        return asyncio.Event()


def quiet_server(app: Any, *, grace_s: float = 1.0) -> Server:
    """A server for pages and the admin API; running requests get the grace when it stops."""
    return Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(grace_s)),
        )
    )


class Serving:
    """One server at work; `task` ends when it has stopped, `grace_s` seconds after `close` at the latest."""

    def __init__(self, server: Server, listening: socket.socket, *, grace_s: float = 1.0) -> None:
        self._server = server
        self._grace_s = grace_s
        self.task = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))

    async def started(self) -> None:
        """Until it accepts connections. Raises what kept it from starting."""
        while not self._server.started:
            if self.task.done():
                self.task.result()
                raise RuntimeError("the server ended before it had started")
            await asyncio.sleep(POLL_S)

    def close(self) -> None:
        """Take no new connection; running requests go on."""
        self._server.should_exit = True

    async def closed(self) -> None:
        """Until everything is closed, at most for the grace."""
        done, _ = await asyncio.wait([self.task], timeout=self._grace_s)
        if not done:
            self._server.force_exit = True
            await asyncio.wait([self.task], timeout=CUT_S)

    async def stopped(self) -> None:
        """Take no new connection, and end within the grace."""
        self.close()
        await self.closed()


@contextlib.asynccontextmanager
async def answering(app: Any, listening: socket.socket | None) -> AsyncIterator[None]:
    """The pages of a process whose work is something else; without a socket nothing is answered."""
    if listening is None:
        yield
        return
    serving = Serving(quiet_server(app), listening)
    _log.info("health and metrics at %s", address_of(listening))
    try:
        yield
    finally:
        await serving.stopped()
