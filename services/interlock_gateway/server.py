"""How the data plane is served: uvicorn on httptools, with our shape for requests it cannot parse.

uvicorn drops the connection without the terminator when an application returns before its last piece;
that is the abort that a broken stream needs (docs: hot path), so its complaint about it is silenced.
"""

import asyncio
import logging
from typing import Any, Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock_gateway.wire import EXTENSION
from interlock_protocols.errors import OwnError, error_body
from interlock_runtime.serving import Server

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


_NOT_HTTP: Final = "The request is not valid HTTP/1.1."
_TOO_LONG: Final = "The request line and headers are larger than {} bytes (server.max_headers)."
MAX_HEADERS: Final = 64 * 1024
"""Until a snapshot says something else; the parser itself has no bound."""
FAREWELL_S: Final = 1.0
"""A client on this side of the world has read its refusal by then."""
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class ApiProtocol(HttpToolsProtocol):
    """Answers a request that is no HTTP with the client API's error body, and declines every upgrade.

    httptools skips the body of a request that offers another protocol; Java's HttpClient offers HTTP/2 with
    each first request of a connection, so its body is read here by a parser that never saw the offer.
    """

    _head_bytes = 0

    def on_headers_complete(self) -> None:
        """A request begins: its application may write on the wire (wire.py)."""
        super().on_headers_complete()
        cycle: Any = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            cycle.scope["extensions"] = {EXTENSION: cycle}

    def data_received(self, data: bytes) -> None:
        """As uvicorn's own, with a bound for heads and with the body of a declined upgrade."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response(_NOT_HTTP)
        except httptools.HttpParserUpgrade as offered:
            self._decline(data[offered.args[0] :])
        else:
            scope: Any = self.scope  # none after blank lines before the first request
            if scope is not None and self._head_too_long(len(data)):
                self._refuse_head()

    def _head_too_long(self, size: int) -> bool:
        """Is the head, as far as it has come with this read of `size` bytes, beyond the bound?"""
        scope: Any = self.scope
        if "path" not in scope:
            self._head_bytes += size
            return self._head_bytes > self._max_headers()
        if not self._head_bytes and size <= MAX_HEADERS:
            return False
        self._head_bytes = 0
        return sum(len(name) + len(value) for name, value in self.headers) > self._max_headers()

    def send_400_response(self, msg: str) -> None:
        """What came could not be parsed: it is no request, and what ran on this connection is over."""
        self.pipeline.clear()
        running: Any = self.cycle
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        if not self.transport.is_closing():
            body = error_body(OwnError(400, "bad_request", msg))
            self.transport.write(_HEAD % len(body) + body)
            self.transport.set_protocol(_Farewell(self))

    def _max_headers(self) -> int:
        return int(getattr(self.app, "max_headers", MAX_HEADERS))

    def _refuse_head(self) -> None:
        self.send_400_response(_TOO_LONG.format(self._max_headers()))

    def _decline(self, rest: bytes) -> None:
        framing = [b"%b: %b\r\n" % pair for pair in self.headers if pair[0] in _FRAMING]
        if framing:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            self.parser = httptools.HttpRequestParser(_BodyOf(self))
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
            self.data_received(rest)
        else:
            self.parser = httptools.HttpRequestParser(self)


class _Farewell(asyncio.Protocol):
    """Reads and drops what a refused client still sends: a close at once would reset the refusal away."""

    def __init__(self, connection: ApiProtocol) -> None:
        self._connection = connection
        transport = connection.transport
        transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(FAREWELL_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._connection.connection_lost(exc)


class _BodyOf:
    """Passes the body of one request on to its connection, which then reads requests as before."""

    def __init__(self, connection: ApiProtocol) -> None:
        self._connection = connection

    def on_body(self, body: bytes) -> None:
        self._connection.on_body(body)

    def on_message_complete(self) -> None:
        connection = self._connection
        connection.on_message_complete()
        connection.parser = httptools.HttpRequestParser(connection)


class _NoAbortComplaint(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != _ABORT


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
