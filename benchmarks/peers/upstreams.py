"""What every gateway of a run is put before: one mock for each kind of load, and one that is always broken.

Rule: the mocks are the same for all, in processes whose time is not counted. A burst comes as fifty writes at
once, as of a provider that flushes each chunk: so measured, a plain nginx costs what it cost when the marks
in `marks.py` were taken (144 us); in one write it costs a third of that, and every gateway beside it too.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from benchmarks.nginx import Nginx, nginx_mock, nginx_proxy
from interlock_testing.waiting import ServerProcess, free_port

CHUNKS: Final = 50
PACE_MS: Final = 5
SHAPES: Final = {
    "burst": ("--chunks", str(CHUNKS), "--burst", str(CHUNKS), "--interval-ms", "0", "--apart"),
    "paced": ("--chunks", str(CHUNKS), "--burst", "1", "--interval-ms", str(PACE_MS)),
}
EVENTS: Final = CHUNKS + 2
"""Of a stream: the role before the content, the finish reason behind it."""
_BROKEN: Final = b'{"error":{"message":"The server had an error","type":"server_error","code":null}}'
_HEAD: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
)


class Broken(asyncio.Protocol):
    """A provider that answers every request with 500, and counts them."""

    def __init__(self, counted: "BrokenProvider") -> None:
        self._counted = counted
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        sizes = [
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        if blank and len(body) >= sum(sizes):
            self._buffer = b""
            self._counted.attempts += 1
            self._transport.write(_HEAD % len(_BROKEN) + _BROKEN)


class BrokenProvider:
    """Serves `Broken` on a port of its own; `attempts` reached it."""

    def __init__(self) -> None:
        self.attempts = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Broken(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()


class Upstreams(Struct, frozen=True, kw_only=True):
    """Base addresses of the mocks by kind, the broken one, and nginx in front of all of them."""

    ports: dict[str, int]
    broken: BrokenProvider
    proxy: Nginx

    def base_url(self, kind: str) -> str:
        """As `base_url` of a provider."""
        return f"http://127.0.0.1:{self.ports[kind]}/v1"

    def broken_url(self) -> str:
        """The same of the broken one."""
        return f"http://127.0.0.1:{self.broken.port}/v1"

    def direct(self, kind: str) -> str:
        """Where a client without any gateway would ask."""
        return f"{self.base_url(kind)}/chat/completions"


@asynccontextmanager
async def upstreams(folder: Path) -> AsyncIterator[Upstreams]:
    """Everything started; it ends with the block."""
    async with AsyncExitStack() as stack:
        whole = nginx_mock(free_port())
        stack.callback(whole.stop)
        ports = {"unary": whole.port}
        for kind, shape in SHAPES.items():
            ports[kind] = free_port()
            command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(ports[kind]), *shape]
            url = f"http://127.0.0.1:{ports[kind]}/"
            await stack.enter_async_context(ServerProcess(command, url=url, log_path=folder / f"{kind}.log"))
        proxy = nginx_proxy(free_port(), {kind: (port, "v1") for kind, port in ports.items()})
        stack.callback(proxy.stop)
        broken = await stack.enter_async_context(BrokenProvider())
        yield Upstreams(ports=ports, broken=broken, proxy=proxy)
