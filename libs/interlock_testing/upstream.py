"""A simulated provider that speaks every client API over real sockets and fails on request.

It owns sockets, clocks and counters; what goes wrong is a `Behaviour`, which bytes that means is in `answers`
and `voices`. Rule: one behaviour holds for a request from its first byte to its last, and every request is
counted, so a test asks the provider what it saw. An ASGI application was dropped: no server lets it
reset a connection, and a fake transport cannot be killed with -9.

    async with SimulatedProvider("atlas") as atlas:
        atlas.behaviour = fail(503, headers={"retry-after": "2"})

    python -m interlock_testing.upstream --port 9001 --name atlas --interval-ms 20 --chunks 20
"""

import argparse
import asyncio
import json
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Self, cast

import httptools
import msgspec

from interlock_testing.answers import Act, Step, response, steps
from interlock_testing.behaviour import Behaviour, Schedule, healthy
from interlock_testing.voices.asked import Asked, read_asked
from interlock_testing.voices.models import listing
from interlock_testing.voices.paths import api_of
from interlock_testing.voices.voice import to_json

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
KEPT: Final = 10_000
"""Requests kept for a test to look at; the counters go on."""

_behaviour = msgspec.json.Decoder(Behaviour)


class SimulatedProvider:
    """`behaviour` may change at any time; a `schedule` overrules it. `url` is the base URL for a provider."""

    def __init__(
        self, name: str, behaviour: Behaviour | None = None, *, schedule: Schedule | None = None
    ) -> None:
        self.name = name
        self.behaviour = behaviour or healthy()
        self.schedule = schedule
        self.models: tuple[str, ...] = (f"{name}-large", f"{name}-small")
        self.requests: deque[Asked] = deque(maxlen=KEPT)
        self.attempts = 0
        """Inference requests, of any API, that reached this provider."""
        self.finished = 0
        """Answers that were sent to their end."""
        self.abandoned = 0
        """Answers that the caller did not wait for."""
        self.heard: Callable[[Asked], None] | None = None
        """Called with each inference request before it is answered."""
        self.port = 0
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._started_at = 0.0

    @property
    def url(self) -> str:
        """Base URL, as `base_url` in a configuration."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """The same for a Messages provider, whose base URL ends before `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """Answers being sent at this moment."""
        return sum(connection.busy for connection in self._connections)

    @property
    def connected(self) -> int:
        """Connections that are open, busy or not."""
        return len(self._connections)

    async def start(self, port: int = 0, *, listening: socket.socket | None = None) -> None:
        """Listen on loopback; 0 takes a free port, which `port` then names. `listening`: there instead."""
        loop = asyncio.get_running_loop()
        if listening is None:
            self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)
        else:
            self._server = await loop.create_server(lambda: _Connection(self), sock=listening)
        self.port = self._server.sockets[0].getsockname()[1]
        self._started_at = loop.time()

    async def stop(self) -> None:
        """Refuse connections from now on and reset those that are open."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.reset()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def release(self) -> None:
        """Let stalled answers go on."""
        for connection in list(self._connections):
            connection.release()

    def stats(self) -> dict[str, Any]:
        """The counters, as `GET /_stats` shows them."""
        return {
            "name": self.name,
            "attempts": self.attempts,
            "finished": self.finished,
            "abandoned": self.abandoned,
            "open": self.open,
            "connected": self.connected,
            "behaviour": msgspec.to_builtins(self.current()),
        }

    def current(self) -> Behaviour:
        """The behaviour a request would meet now."""
        if self.schedule is None:
            return self.behaviour
        return self.schedule(asyncio.get_running_loop().time() - self._started_at)

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> Iterator[Step]:
        """The steps of the answer to one request; `path` without its `query`."""
        api = api_of(path) if method == "POST" else None
        if api is not None:
            self.attempts += 1
            asked = read_asked(self.attempts, api, path, headers, body, query=query)
            self.requests.append(asked)
            if self.heard is not None:
                self.heard(asked)
            return steps(self.name, asked, self.current())
        return iter([(0.0, self._upkeep(method, path, headers, body))])

    def _upkeep(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if method == "PUT" and path == "/_behaviour":
            try:
                self.behaviour = _behaviour.decode(body)
            except msgspec.DecodeError as error:
                return response(400, str(error).encode(), "text/plain")
            return response(200, b"{}")
        if path == "/_stats":
            return response(200, json.dumps(self.stats()).encode())
        listed = listing(path, self.name, self.models, anthropic="anthropic-version" in headers)
        if listed is not None:
            return response(listed.status, to_json(listed.body))
        return response(404, b'{"error":{"message":"no such path","type":"invalid_request_error"}}')

    def joined(self, connection: "_Connection") -> None:
        """A connection was accepted."""
        self._connections.add(connection)

    def left(self, connection: "_Connection") -> None:
        """A connection is gone."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    """One accepted connection: requests one after another, each answered step by step without a task."""

    def __init__(self, provider: SimulatedProvider) -> None:
        self._provider = provider
        self._parser = httptools.HttpRequestParser(self)
        self._steps: Iterator[Step] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled = False
        self._counts = False
        self._due: bytes | Act = b""
        self._headers: dict[str, str] = {}
        self._path = b""
        self._body = bytearray()

    @property
    def busy(self) -> bool:
        return self._steps is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._provider.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._provider.left(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._steps is not None:
            self._steps = None
            self._provider.abandoned += self._counts

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_begin(self) -> None:
        self._headers, self._path, self._body = {}, b"", bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect") == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._path.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        self._counts = method == "POST" and api_of(path) is not None
        self._steps = self._provider.answer(method, path, self._headers, bytes(self._body), query)
        self._go_on()

    def _go_on(self) -> None:
        """Take steps until one has to wait; what is due at once leaves in one write."""
        self._timer = None
        ready = bytearray()
        while self._steps is not None:
            due, self._due = self._due, b""
            if isinstance(due, Act):
                self._write(ready)
                return self._act(due)
            ready += due
            step = next(self._steps, None)
            if step is None:
                self._write(ready)
                return self._finish()
            delay_ms, self._due = step
            if delay_ms > 0:
                self._write(ready)
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(delay_ms / 1000, self._go_on)
                return None
        return None

    def _write(self, ready: bytearray) -> None:
        if ready and not self._transport.is_closing():
            self._transport.write(bytes(ready))

    def _act(self, act: Act) -> None:
        if act is Act.STALL:
            self._stalled = True
            return
        self._over()
        if act is Act.RESET:
            self.reset()
        else:
            self._transport.close()

    def _over(self) -> None:
        self._steps = None
        self._provider.finished += self._counts

    def _finish(self) -> None:
        self._over()
        if self._headers.get("connection", "").lower() == "close":
            self._transport.close()

    def release(self) -> None:
        """Go on after a stall."""
        if self._stalled:
            self._stalled = False
            self._go_on()

    def reset(self) -> None:
        """Close with a TCP reset, so that the caller sees an error and no end."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


def _print_request(asked: Asked) -> None:
    print(f"request {asked.n} {'streamed' if asked.stream else 'whole'} {asked.model}", flush=True)  # noqa: T201


async def _serve(provider: SimulatedProvider, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await provider.start(port)
    print(f"{provider.name} listens on {provider.url}", flush=True)  # noqa: T201
    await stopped.wait()
    await provider.stop()


def main(arguments: list[str] | None = None) -> None:
    """Run one provider until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m interlock_testing.upstream", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--name", default="atlas")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--interval-ms", type=float, default=20)
    parser.add_argument("--chunks", type=int, default=20)
    parser.add_argument(
        "--print-requests", action="store_true", help="a line for each, which outlives kill -9"
    )
    options = parser.parse_args(arguments)
    behaviour = healthy(latency_ms=options.latency_ms, interval_ms=options.interval_ms, chunks=options.chunks)
    provider = SimulatedProvider(options.name, behaviour)
    if options.print_requests:
        provider.heard = _print_request
    asyncio.run(_serve(provider, options.port))


if __name__ == "__main__":
    main()
