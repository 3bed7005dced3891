"""The client: a pooled or a fresh connection, one exchange on it, one second try when it was stale.

The rule kept: a request is written twice only if the first connection was a reused one, closed without a byte
of an answer, and the caller allows it; the second is always fresh, so there is no third. What has failed is
not retried here: that is the router's decision.
"""

import asyncio
from typing import Final

from interlock_upstream.connection import Connection
from interlock_upstream.dial import Dialer
from interlock_upstream.errors import ClientMisused, FailureKind, Phase
from interlock_upstream.limits import Limits
from interlock_upstream.origin import PoolKey
from interlock_upstream.pool import Pool, PoolStats
from interlock_upstream.proxy import Proxies
from interlock_upstream.request import PhaseLimits, UpstreamRequest
from interlock_upstream.resolver import Resolver
from interlock_upstream.response import HttpResponse
from interlock_upstream.tls import TlsOptions

_STALE: Final = (FailureKind.CLOSED_EARLY, FailureKind.RESET)
STALE_S: Final = 0.05
"""The close of a dead connection arrives within a round trip, for which the time of its dialling stands; this
is the slack on top for a busy process."""


class HttpClient:
    """The `UpstreamClient` over HTTP/1.1. It belongs to the loop that first sends with it."""

    def __init__(
        self, *, limits: Limits | None = None, tls: TlsOptions | None = None, proxies: Proxies | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._pool = Pool(self._limits)
        self._dialer = Dialer(self._limits, tls or TlsOptions(), proxies or Proxies(), Resolver())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def send(self, request: UpstreamRequest, limits: PhaseLimits) -> HttpResponse:
        """See the port."""
        loop = self._loop
        if loop is None:  # kept, because asking for the running loop is a system call
            loop = self._loop = asyncio.get_running_loop()
        now = loop.time()
        key = (request.origin, request.pool_key)
        connection = self._pool.take(key, now)
        reused = connection is not None
        if connection is None:
            connection = await self._open(key, limits.connect_s, loop)
        try:
            await connection.exchange(request.head, request.body, limits.headers_s)
        except BaseException:  # cancelled: the answer will come, and nobody will read it
            connection.abort()
            raise
        failed = connection.failure is not None
        if failed and reused and request.resendable and _is_stale(connection, loop.time() - now):
            connection = await self._send_again(request, limits, loop, now)
        if not connection.head_done:  # a failure behind the head in the same read belongs to the body
            connection.abort()
            raise connection.failed(Phase.HEADERS)
        return HttpResponse(connection, self._limits.buffer_bytes)

    def stats(self) -> PoolStats:
        """Open, idle and used connections as they are now."""
        return self._pool.stats()

    async def close(self) -> None:
        """Close every connection; running exchanges fail with `reset`. Idempotent."""
        self._closed = True
        await self._pool.close()

    async def _send_again(
        self, request: UpstreamRequest, limits: PhaseLimits, loop: asyncio.AbstractEventLoop, began: float
    ) -> Connection:
        """On a fresh connection, within what is left of the time for headers."""
        spent = loop.time() - began
        connection = await self._open((request.origin, request.pool_key), limits.connect_s, loop)
        try:
            await connection.exchange(request.head, request.body, max(limits.headers_s - spent, 0.0))
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _open(self, key: PoolKey, connect_s: float, loop: asyncio.AbstractEventLoop) -> Connection:
        if self._closed:
            raise ClientMisused("the client is closed")
        connection = self._pool.open(key, loop)
        try:
            began = loop.time()
            await self._dialer.dial(key[0], connection, connect_s)
            connection.dialled_s = loop.time() - began
            if not connection.usable():
                connection.fail(FailureKind.RESET, "closed as soon as it was open")
                raise connection.failed(Phase.CONNECT)
        except BaseException:
            connection.abort()
            # uvloop may cancel create_connection after connection_made; it then never calls connection_lost.
            self._pool.forget(connection)
            raise
        return connection


def _is_stale(connection: Connection, waited_s: float) -> bool:
    """Had the peer left before it could read the request? A later close is an answer: it may have begun."""
    failure = connection.failure
    if failure is None or not connection.untouched or failure[0] not in _STALE:
        return False
    return waited_s <= STALE_S + 2 * connection.dialled_s
