"""How the data plane is served: uvicorn on httptools, with our shape for requests it cannot parse.

uvicorn drops the connection without the terminator when an application returns before its last piece;
that is the abort that a broken stream needs (docs: hot path), so its complaint about it is silenced.
"""

import contextlib
import logging
from typing import Any, Final

import httptools
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


_NOT_HTTP: Final = "The request is not valid HTTP/1.1."
_TOO_LONG: Final = "The request line and headers are larger than {} bytes (server.max_headers)."
MAX_HEADERS: Final = 64 * 1024
"""Until a snapshot says something else; the parser itself has no bound."""
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class ApiProtocol(HttpToolsProtocol):
    """Answers a request that is no HTTP with the client API's error body, and declines every upgrade.

    httptools skips the body of a request that offers another protocol; Java's HttpClient offers HTTP/2 with
    each first request of a connection, so its body is read here by a parser that never saw the offer.
    """

    _head_bytes = 0

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
            scope: Any = self.scope
            if scope is None:  # blank lines before the first request
                return
            if "path" not in scope:
                self._head_bytes += len(data)
                if self._head_bytes > self._max_headers():
                    self._refuse_head()
            elif self._head_bytes or len(data) > MAX_HEADERS:
                self._head_bytes = 0
                if sum(len(name) + len(value) for name, value in self.headers) > self._max_headers():
                    self._refuse_head()

    def send_400_response(self, msg: str) -> None:
        """The head could not be parsed; there is no request to route."""
        body = error_body(msg, "invalid_request_error", "bad_request")
        self.transport.write(_HEAD % len(body) + body)
        self.transport.close()

    def _max_headers(self) -> int:
        return int(getattr(self.app, "max_headers", MAX_HEADERS))

    def _refuse_head(self) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # a request that has begun finds nobody to answer
        self.send_400_response(_TOO_LONG.format(self._max_headers()))

    def _decline(self, rest: bytes) -> None:
        framing = [b"%b: %b\r\n" % pair for pair in self.headers if pair[0] in _FRAMING]
        if framing and self.cycle is not None:
            self.cycle.more_body = True
            self.cycle.message_event.clear()
            self.parser = httptools.HttpRequestParser(_BodyOf(self))
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
            self.data_received(rest)
        else:
            self.parser = httptools.HttpRequestParser(self)


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
