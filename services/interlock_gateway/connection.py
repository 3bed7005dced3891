"""One connection of a client: uvicorn's protocol, with our words, our bounds and our patience.

Rule: whatever cannot become a request is refused in the shape of the API that its path names, with a request
id of its own; what a client may make us hold, wait for or read in vain has a bound here. uvicorn drops the
connection without the terminator when an application returns before its last piece: that is the abort that a
broken stream needs. A proxy in front, which would do all this, was dropped: a gateway on a laptop has none.
"""

import asyncio
import socket
import struct
from secrets import token_hex
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interlock_gateway.client_head import Memory
from interlock_gateway.slow_clients import NEVER, Overdue, Pace, Patience
from interlock_gateway.wire import EXTENSION
from interlock_protocols.errors import OwnError
from interlock_protocols.surface import ErrorForm
from interlock_protocols.surfaces import errors_of

_HEAD: Final = (
    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
    b"request-id: %b\r\nx-interlock-reason: %b\r\nconnection: close\r\n\r\n"
)
_NOT_HTTP: Final = "The request is not valid HTTP/1.1."
_TOO_SLOW: Final = "The {} of the request came too slowly."
_CODES: Final = {400: "bad_request", 408: "request_timeout"}
_PHRASES: Final = {400: b"400 Bad Request", 408: b"408 Request Timeout"}
_TOO_LONG: Final = "The request line and headers are larger than {} bytes (server.max_headers)."
MAX_HEADERS: Final = 64 * 1024
"""Until a snapshot says something else; the parser itself has no bound."""
FAREWELL_S: Final = 3.0
"""A client on this side of the world has read its refusal by then."""
LEFTOVER: Final = 128 * 1024 * 1024
"""Bytes of a body that are read and dropped after its refusal: a client that is cut off while it still writes
never reads why. Four times the default of server.max_body; beyond, nobody reads but somebody floods."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class ApiProtocol(HttpToolsProtocol):
    """Answers a request that is no HTTP with the client API's error body, and declines every upgrade.

    httptools skips the body of a request that offers another protocol; Java's HttpClient offers HTTP/2 with
    each first request of a connection, so its body is read here by a parser that never saw the offer.
    """

    _head_bytes = 0
    _running: Any = None
    """The request that is being answered: where others wait behind it, `cycle` is the last of those."""

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left: what is being answered hears of it too, not only what waits behind it."""
        super().connection_lost(exc)
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
            if (gone := getattr(running, "gone", None)) is not None:
                gone()

    def connection_made(self, transport: Any) -> None:
        """From here on a head is awaited."""
        super().connection_made(transport)
        self.pace = Pace(self.loop.time())
        self._memory = Memory()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.pace.head_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """A request begins: its application may write on the wire (wire.py)."""
        super().on_headers_complete()
        pace = self.pace
        pace.body_since = pace.heard = pace.head_since
        pace.head_since = NEVER
        pace.body_bytes = 0
        cycle: Any = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            cycle.memory = self._memory
            cycle.scope["extensions"] = {EXTENSION: cycle}

    def on_body(self, body: bytes) -> None:
        """A part of a body has come."""
        super().on_body(body)
        pace = self.pace
        pace.heard = self.loop.time()
        pace.body_bytes += len(body)
        if pace.body_bytes > LEFTOVER and self.cycle.response_complete:
            self._reset()

    def on_message_complete(self) -> None:
        """Nothing more is awaited of this request."""
        super().on_message_complete()
        self.pace.body_since = NEVER

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self.pace.stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self.pace.stuck_since = NEVER

    def hurry(self, now: float, patience: Patience) -> None:
        """Give up a client that took too long; who still sends is told why."""
        why = self.pace.overdue(now, patience)
        if why is None or (self.flow.read_paused and why is not Overdue.READING):
            return
        running: Any = self.cycle
        answering = running is not None and not running.response_complete
        told = answering if why is Overdue.BODY else not answering and self.scope is not None
        if why is Overdue.READING:
            self._reset()
        elif told:
            self._refuse(408, _TOO_SLOW.format(why.value))
        elif not answering:
            self.transport.close()

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
        self._refuse(400, msg)

    def _refuse(self, status: int, msg: str) -> None:
        self.pipeline.clear()
        running = self._running
        answering = running is not None and not running.response_complete
        if answering:
            running.disconnected = True
            running.message_event.set()
        if answering and running.response_started:
            self.transport.abort()  # two heads on one connection would be read as one answer
        elif not self.transport.is_closing():
            code, request_id = _CODES[status], token_hex(8)
            body = self._errors().body(OwnError(status, code, msg, request_id=request_id))
            id_, reason = request_id.encode(), code.encode()
            self.transport.write(_HEAD % (_PHRASES[status], len(body), id_, id_, reason) + body)
            self.transport.set_protocol(_Farewell(self))

    def _errors(self) -> ErrorForm:
        """Of the API that the path names, as far as the request line has come."""
        url: bytes = getattr(self, "url", b"")
        return errors_of(url.partition(b"?")[0].decode("latin-1"), self.headers or [])

    def _reset(self) -> None:
        """Close so that the kernel, too, drops what it holds for a client that does not read."""
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
        )
        self.transport.abort()

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
