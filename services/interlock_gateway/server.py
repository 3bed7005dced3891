"""How the data plane is served: uvicorn on httptools, with connections of our own and a sweep over them.

uvicorn complains when an application returns before its last piece; here that is how a broken stream is cut,
so the complaint is silenced.
"""

import asyncio
import logging
from typing import Any, Final

import uvicorn

from interlock_gateway.connection import ApiProtocol
from interlock_gateway.slow_clients import Patience
from interlock_runtime.serving import Server

KEEP_ALIVE_S: Final = 75
"""Longer than the 60 s that common proxies keep idle upstream connections, so that they close first."""
BACKLOG: Final = 2_048
SWEEP_TICKS: Final = 10
"""A look at all connections once a second."""
_ABORT: Final = "ASGI callable returned without completing response."


class _NoAbortComplaint(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != _ABORT


class GatewayServer(Server):
    """A server that gives up clients who are slower than its patience."""

    patience = Patience()

    async def on_tick(self, counter: int) -> bool:
        """Once in a tenth of a second."""
        if counter % SWEEP_TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, ApiProtocol) and connection.flow is not None:
                    connection.hurry(now, self.patience)
        return await super().on_tick(counter)


def gateway_server(app: Any, *, host: str, port: int) -> GatewayServer:
    """A server for the data plane on one address; serve it with `await server.serve()`."""
    complaints = logging.getLogger("uvicorn.error")
    if not any(isinstance(f, _NoAbortComplaint) for f in complaints.filters):
        complaints.addFilter(_NoAbortComplaint())
    return GatewayServer(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=ApiProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
    )
