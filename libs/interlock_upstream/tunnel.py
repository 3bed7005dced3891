"""Speaking to a forward proxy: the CONNECT handshake before TLS, and the absolute form for plain http.

The rule kept: the answer to CONNECT is read by nobody but this protocol, and a byte after its head is an
error, so a proxy cannot put words into an upstream's mouth. Anything a proxy does wrong is `proxy`, never
blamed on the upstream.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Final, cast

from interlock_upstream.errors import FailureKind, Phase, UpstreamFailed
from interlock_upstream.failures import describe
from interlock_upstream.origin import Origin
from interlock_upstream.proxy import ProxyServer

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_END_OF_HEAD: Final = b"\r\n\r\n"


class Tunnel(asyncio.Protocol):
    """Opens a tunnel; then `transport` is free to be upgraded to TLS."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_header_bytes: int) -> None:
        self._answer = loop.create_future()
        self._received = b""
        self._max_header_bytes = max_header_bytes
        self.transport: asyncio.Transport | None = None

    async def open(self, origin: Origin, server: ProxyServer) -> None:
        """Ask for a tunnel to the origin. Raises UpstreamFailed(proxy)."""
        target = origin.host_and_port
        head = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, server.credentials_line)
        cast("asyncio.Transport", self.transport).write(head)
        await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            if len(self._received) > self._max_header_bytes:
                self._refuse("the proxy's answer has no end")
            return
        status = _STATUS_LINE.match(self._received)
        if status is None or len(self._received) != end + len(_END_OF_HEAD):
            self._refuse("the proxy's answer is not that of a tunnel")
        elif not status[1].startswith(b"2"):
            self._refuse(f"the proxy answered {status[1].decode('ascii')}")
        elif not self._answer.done():
            self._answer.set_result(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._refuse(describe(exc) if exc is not None else "the proxy closed the connection")

    def _refuse(self, detail: str) -> None:
        if not self._answer.done():
            self._answer.set_exception(UpstreamFailed(FailureKind.PROXY, Phase.CONNECT, detail))


def absolute_form(origin: Origin, server: ProxyServer) -> Callable[[bytes], bytes]:
    """A rewriter of request heads for a proxy of plain http: `GET /x` becomes `GET http://host/x`."""
    prefix = b"http://" + origin.authority

    def rewrite(head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        line, _, headers = rest.partition(b"\r\n")
        return b"%b %b%b\r\n%b%b" % (method, prefix, line, server.credentials_line, headers)

    return rewrite
