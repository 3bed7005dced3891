"""How the data plane is served: uvicorn on httptools, with our shape for requests it cannot parse.

uvicorn drops the connection without the terminator when an application returns before its last piece;
that is the abort that a broken stream needs (docs: hot path), so its complaint about it is silenced.
"""

import contextlib
import logging
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock_protocols.errors import error_body

KEEP_ALIVE_S: Final = 75
"""Longer than the 60 s that common proxies keep idle upstream connections, so that they close first."""
BACKLOG: Final = 2_048
_HEAD: Final = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: application/json\r\n"
    b"content-length: %d\r\n"
    b"connection: close\r\n\r\n"
)
_ABORT: Final = "ASGI callable returned without completing response."


class ApiProtocol(HttpToolsProtocol):
    """Answers a request that is no HTTP with the client API's error body."""

    def send_400_response(self, msg: str) -> None:
        """The head could not be parsed; there is no request to route."""
        body = error_body("The request is not valid HTTP/1.1.", "invalid_request_error", "bad_request")
        self.transport.write(_HEAD % len(body) + body)
        self.transport.close()


class _NoAbortComplaint(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != _ABORT


class Server(uvicorn.Server):
    """A server whose process owns its signals itself."""

    def install_signal_handlers(self) -> None:
        """Nothing: the composition root decides what a signal means."""

    def capture_signals(self) -> Any:
        """Nothing either: newer uvicorn versions capture signals here."""
        return contextlib.nullcontext()


def gateway_server(app: Any, *, host: str, port: int) -> Server:
    """A server for the data plane on one address; serve it with `await server.serve()`."""
    complaints = logging.getLogger("uvicorn.error")
    if not any(isinstance(f, _NoAbortComplaint) for f in complaints.filters):
        complaints.addFilter(_NoAbortComplaint())
    return Server(
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
