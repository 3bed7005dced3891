"""From nothing to a connection that may carry a request: name, TCP, proxy, TLS, under one time limit.

The rule kept: addresses are tried one after another, so that the error of the last one is a real OSError with
an errno; each but the last may use only its share of the time, so a dead IPv6 route cannot eat it all. The
rival, happy eyeballs, was dropped: uvloop has none, and connections are opened rarely.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from interlock_upstream.connection import Connection
from interlock_upstream.errors import FailureKind, Phase, UpstreamFailed
from interlock_upstream.failures import classify, describe
from interlock_upstream.limits import Limits
from interlock_upstream.origin import Origin
from interlock_upstream.proxy import Proxies, ProxyServer
from interlock_upstream.resolver import Resolver
from interlock_upstream.tls import TlsOptions
from interlock_upstream.tunnel import Tunnel, absolute_form

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class Dialer:
    """Opens connections for a client."""

    def __init__(self, limits: Limits, tls: TlsOptions, proxies: Proxies, resolver: Resolver) -> None:
        self._limits = limits
        self._tls = tls
        self._proxies = proxies
        self._resolver = resolver
        self._context: ssl.SSLContext | None = None

    async def dial(self, origin: Origin, connection: Connection, connect_s: float) -> None:
        """Attach a socket to `connection`. Raises UpstreamFailed with phase CONNECT."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + connect_s
        try:
            async with asyncio.timeout(connect_s):
                server = self._proxies.for_origin(origin)
                if server is None:
                    context = await self._trust(loop) if origin.scheme == "https" else None
                    await self._reach(origin.host, origin.port, deadline, lambda: connection, context)
                elif origin.scheme == "https":
                    await self._tunnel(loop, server, origin, deadline, connection)
                else:
                    connection.forward = absolute_form(origin, server)
                    await self._reach_proxy(server, deadline, lambda: connection)
        except (OSError, UnicodeError) as error:
            raise UpstreamFailed(classify(error, Phase.CONNECT), Phase.CONNECT, describe(error)) from error

    async def _trust(self, loop: asyncio.AbstractEventLoop) -> ssl.SSLContext:
        if self._context is None:
            try:
                self._context = await loop.run_in_executor(None, self._tls.context)
            except OSError as error:
                detail = f"the file of authorities cannot be used: {describe(error)}"
                raise UpstreamFailed(FailureKind.TLS, Phase.CONNECT, detail) from error
        return self._context

    async def _tunnel(
        self,
        loop: asyncio.AbstractEventLoop,
        server: ProxyServer,
        origin: Origin,
        deadline: float,
        connection: Connection,
    ) -> None:
        context = await self._trust(loop)
        tunnel = await self._reach_proxy(
            server, deadline, lambda: Tunnel(loop, self._limits.max_header_bytes)
        )
        if tunnel.transport is None:
            raise RuntimeError("a made connection has a transport")
        try:
            await tunnel.open(origin, server)
            if tunnel.transport.is_closing():  # start_tls on it would wait until the time is over
                raise ConnectionResetError("the tunnel closed as soon as it was open")
            secured = await loop.start_tls(
                tunnel.transport, connection, context,
                server_hostname=origin.host, ssl_handshake_timeout=_beyond(deadline, loop),
            )  # fmt: skip
        except BaseException:
            tunnel.transport.abort()
            raise
        if secured is None:
            raise ConnectionResetError("the tunnel closed while it was secured")
        connection.connection_made(secured)

    async def _reach_proxy(self, server: ProxyServer, deadline: float, protocol: Callable[[], _P]) -> _P:
        try:
            return await self._reach(server.host, server.port, deadline, protocol, None)
        except (OSError, UnicodeError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise UpstreamFailed(FailureKind.PROXY, Phase.CONNECT, describe(error)) from error

    async def _reach(
        self,
        host: str,
        port: int,
        deadline: float,
        protocol: Callable[[], _P],
        context: ssl.SSLContext | None,
    ) -> _P:
        loop = asyncio.get_running_loop()
        addresses = await self._resolver.resolve(host, port)

        async def connect(address: str) -> _P:
            handshake_s = _beyond(deadline, loop) if context is not None else None
            name = host if context is not None else None
            _, made = await loop.create_connection(
                protocol, address, port, ssl=context, server_hostname=name, ssl_handshake_timeout=handshake_s
            )
            return made

        for left in range(len(addresses), 1, -1):
            try:
                async with asyncio.timeout((deadline - loop.time()) / left):
                    return await connect(addresses[-left])
            except ssl.SSLError:
                raise  # reached, and not trusted: another address would be no better
            except OSError:
                continue
        return await connect(addresses[-1])


def _beyond(deadline: float, loop: asyncio.AbstractEventLoop) -> float:
    """A handshake limit that our own always beats: the loop's ends in an error that does not say timeout."""
    return max(deadline - loop.time(), 0.0) + 5.0
