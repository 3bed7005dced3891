"""The two servers of the process on sockets that it holds already.

Rule: the process owns its signals, the servers are told to stop; neither writes to the terminal. A client
that keeps its connection open cannot hold up the end: what is left after the grace is cut.
"""

import asyncio
import logging
import socket
from typing import Any, Final

import uvicorn

from interlock_gateway.server import Server

GRACE_S: Final = 0.3
"""After the gateway has ended its requests only idle connections are left."""
POLL_S: Final = 0.005


def control_server(app: Any) -> Server:
    """A server for the control plane."""
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
            timeout_graceful_shutdown=1,
        )
    )


class Serving:
    """One server at work."""

    def __init__(self, server: Server, listening: socket.socket) -> None:
        self._server = server
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
        done, _ = await asyncio.wait([self.task], timeout=GRACE_S)
        if not done:
            self._server.force_exit = True
            await asyncio.wait([self.task], timeout=GRACE_S)


class NoComplaint(logging.Filter):
    """The server's own words about requests that it cut at the end: the record says it better."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else."""
        return not str(record.msg).startswith("Cancel %s running task(s)")
