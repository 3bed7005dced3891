"""Several workers of one gateway: started, started again when they die, stopped together.

Rule: a worker that dies is replaced at once, one that keeps dying after a wait that doubles; one that refuses
to start (a mistake in the settings) ends them all, because the next would refuse too. Workers lead sessions
of their own, so a Ctrl-C reaches the supervisor alone, which asks each once; their standard input ends with
the supervisor, so that none outlives it. Dropped: forking, which shares sockets, random state and threads.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock_gateway.settings import Order
from interlock_gateway.worker import REFUSED
from interlock_runtime.shutdown import Shutdown

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 30.0
"""Between two lives of a worker that cannot live: a machine short of memory is not made shorter of time."""
STEADY_S: Final = 30.0
"""A life this long was none of a worker that keeps dying."""
COMMAND: Final = (sys.executable, "-m", "interlock_gateway")

_log = logging.getLogger(__name__)


class Supervisor:
    """Keeps `count` workers of one order alive; the port in it is reserved by the caller."""

    def __init__(
        self, order: Order, count: int, shutdown: Shutdown, *, command: Sequence[str] = COMMAND
    ) -> None:
        self._order = order
        self._count = count
        self._shutdown = shutdown
        self._command = command
        self._alive: dict[int, Process] = {}
        self._refused = False

    async def run(self) -> int:
        """Until somebody wants the end and every worker has found its own; the exit code."""
        stopping = asyncio.create_task(self._stop_when_asked())
        await asyncio.gather(*(self._keep(number) for number in range(1, self._count + 1)))
        stopping.cancel()
        return 1 if self._refused else 0

    async def _keep(self, number: int) -> None:
        loop, wait = asyncio.get_running_loop(), FIRST_WAIT_S
        while not self._asked():
            began = loop.time()
            status = await self._live(number)
            if self._asked():
                return
            if status == REFUSED:
                self._refused = True
                self._shutdown.ask()
                return
            wait = FIRST_WAIT_S if loop.time() - began >= STEADY_S else wait
            _log.warning("worker %d ended with status %d: starting it again in %.1f s", number, status, wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._shutdown.wait(), wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

    async def _live(self, number: int) -> int:
        """One life of a worker; its exit status, negative: the signal."""
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, start_new_session=True)
        self._alive[number] = process
        _log.info("worker %d is process %d", number, process.pid)
        try:
            assert process.stdin is not None
            order = msgspec.json.encode(replace(self._order, worker=number, workers=self._count)) + b"\n"
            with contextlib.suppress(ConnectionError):  # it died at once: its status says so
                process.stdin.write(order)
                await process.stdin.drain()
            if self._asked():  # while it was being started
                _ask(process)
            return await process.wait()
        finally:
            del self._alive[number]

    async def _stop_when_asked(self) -> None:
        await self._shutdown.wait()
        for process in self._alive.values():
            _ask(process)

    def _asked(self) -> bool:
        return self._shutdown.asked.is_set()


def _ask(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
