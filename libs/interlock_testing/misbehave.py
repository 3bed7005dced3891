"""A raw TCP server that answers by script: the upstream that real servers refuse to play.

A script is a coroutine function that gets one `Peer` for each connection and may do to it what a broken
upstream does; when it returns, the connection is closed in order. The rule kept: a script says what goes over
the wire, byte by byte, and the server counts, so a test can ask what the client did. The rival, a fake
transport inside the client, was dropped: half of what breaks in an HTTP client breaks between it and the
kernel.
"""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Self

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Peer:
    """One accepted connection, seen from the script."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: list[bytes]
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._requests = requests

    async def request(self) -> bytes:
        """The next request, head and body. Raises IncompleteReadError when the client has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1])) if length is not None else b""
        self._requests.append(head + body)
        return head + body

    async def send(self, data: bytes, *, size: int = 0) -> None:
        """Write bytes; with `size`, in pieces of that many bytes that leave one by one."""
        for start in range(0, len(data), size or len(data) or 1):
            self.writer.write(data[start : start + (size or len(data))])
            await self.writer.drain()
            if size:
                await asyncio.sleep(0)

    async def gone(self) -> None:
        """Wait until the client has closed, dropping what it still says."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class MisbehavingServer:
    """Runs a script for each connection on a free port of 127.0.0.1: `async with MisbehavingServer(script) as
    server`."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        """May be replaced at any time; connections accepted later follow the new one."""
        self.accepted = 0
        self.requests: list[bytes] = []
        self._tls = tls
        self.open = 0
        """Connections whose script is still running."""
        self._serving: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its base URL; with TLS under the name localhost."""
        return f"https://localhost:{self.port}" if self._tls is not None else f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=1 << 20)
        return self

    async def __aexit__(self, *error: object) -> None:
        for _ in range(4):  # asyncio loses a socket whose server is closed between accept() and the callback
            await asyncio.sleep(0)
        if self._server is not None:
            self._server.close()
        for writer, task in self._serving.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        task = asyncio.get_running_loop().create_task(self._serve(Peer(reader, writer, self.requests)))
        self._serving[writer] = task
        task.add_done_callback(lambda _: self._serving.pop(writer))

    async def _serve(self, peer: Peer) -> None:
        # The client may leave at any point, and scripts need not care.
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                await self.script(peer)
                await peer.writer.drain()
            finally:
                self.open -= 1
                peer.writer.close()
            await peer.writer.wait_closed()


def always(response: bytes, *, size: int = 0) -> Script:
    """Answer every request with these bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response, size=size)

    return script


def closes(response: bytes = b"", *, size: int = 0) -> Script:
    """Answer one request with these bytes, then close in order."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response, size=size)

    return script


def resets(response: bytes = b"") -> Script:
    """Answer one request with these bytes, then reset; over loopback the bytes arrive before the reset."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response)
        peer.reset()

    return script


def stalls(response: bytes = b"") -> Script:
    """Answer one request with these bytes, then say nothing until the client leaves."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response)
        await peer.gone()

    return script


def endless(start: bytes, again: bytes) -> Script:
    """Answer one request with `start`, then with `again` until the client leaves."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(again)

    return script


async def silence(peer: Peer) -> None:
    """Accept, and say nothing until the client leaves."""
    await peer.gone()


async def deaf(_: Peer) -> None:
    """Accept, and neither read nor write until the server stops."""
    await asyncio.Event().wait()


@contextmanager
def refusing() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections for as long as the block runs: bound, and nobody
    listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        yield port


@contextmanager
def unanswering() -> Iterator[int]:
    """A port of 127.0.0.1 whose SYNs go unanswered: it listens, and its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        queued = []
        try:
            for _ in range(4):  # the kernel admits one or two more than the backlog says
                filler = socket.socket()
                queued.append(filler)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for filler in queued:
                filler.close()
