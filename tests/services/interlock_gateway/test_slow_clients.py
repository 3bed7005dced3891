"""Clients that send or read next to nothing are given up; others keep their time."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from interlock_gateway.server import GatewayServer, gateway_server
from interlock_gateway.slow_clients import Overdue, Pace, Patience
from interlock_testing.waiting import until

SHORT = Patience(head_s=0.3, body_idle_s=0.3, body_grace_s=0.6, slowest=1000, read_s=0.3)
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n"
PIECE = bytes(64 * 1024)
PATIENCE_S = 15.0


class App:
    """Reads the body; then answers, endlessly where it is told to."""

    def __init__(self) -> None:
        self.endless = False
        self.disconnected = 0
        self.cut = 0

    async def __call__(self, scope, receive, send) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected += 1
                return
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if self.endless:
            gone = asyncio.create_task(receive())
            while not gone.done():
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                await asyncio.sleep(0)
            self.cut += 1
            return
        await send({"type": "http.response.body", "body": b"done"})


@contextlib.asynccontextmanager
async def serving(app: App) -> AsyncIterator[int]:
    server: GatewayServer = gateway_server(app, host="127.0.0.1", port=0)
    server.patience = SHORT
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started, what="the server")
        yield listening.getsockname()[1]
        server.should_exit = server.force_exit = True
        await task


async def told(port: int, *parts: bytes, every_s: float = 0.1) -> bytes:
    """What the server said until it closed, while these parts came one after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            reading = asyncio.create_task(reader.read())
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.wait([reading], timeout=every_s)
            try:
                return await reading
            except ConnectionError:
                return b""
    finally:
        writer.close()


async def test_who_says_nothing_is_closed_and_who_begins_a_head_is_told():
    async with serving(App()) as port:
        assert await told(port) == b""
        answer = await told(port, b"POST / HTTP/1.1\r\n", b"host: x\r\n")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"request_timeout"' in answer


async def test_a_head_that_trickles_is_given_up_however_regularly_it_comes():
    async with serving(App()) as port:
        drops = [b"x-%d: 1\r\n" % n for n in range(100)]
        answer = await told(port, b"POST / HTTP/1.1\r\n", *drops)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_stops_is_given_up_and_its_application_hears_of_it():
    app = App()
    async with serving(app) as port:
        answer = await told(port, HEAD, b"x" * 10)
        await until(lambda: app.disconnected == 1, what="the application to hear of it")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_trickles_is_given_up():
    async with serving(App()) as port:
        answer = await told(port, HEAD, *[b"x"] * 100)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_takes_its_time_at_a_fair_pace_is_taken():
    async with serving(App()) as port:
        answer = await told(port, HEAD, *[b"x" * 5_000] * 20)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_who_does_not_read_an_answer_is_cut_off():
    app = App()
    app.endless = True
    async with serving(app) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await until(lambda: app.cut == 1, timeout_s=PATIENCE_S, what="the application to be free again")
            client.settimeout(PATIENCE_S)
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(_drained, client)


def _drained(client: socket.socket) -> None:
    while client.recv(1 << 20):
        continue


@pytest.mark.parametrize(
    ("pace", "now", "expected"),
    [
        ({}, 0.2, None),
        ({}, 0.4, Overdue.HEAD),
        ({"head_since": float("inf"), "body_since": 0.0, "heard": 0.4}, 0.5, None),
        ({"head_since": float("inf"), "body_since": 0.0, "heard": 0.1}, 0.5, Overdue.BODY),
        ({"head_since": float("inf"), "body_since": 0.0, "heard": 0.7, "body_bytes": 10}, 0.7, Overdue.BODY),
        ({"head_since": float("inf"), "body_since": 0.0, "heard": 0.7, "body_bytes": 999}, 0.7, None),
        ({"head_since": float("inf"), "stuck_since": 0.0}, 0.4, Overdue.READING),
        ({"head_since": float("inf")}, 1e9, None),
    ],
)
def test_what_is_overdue(pace, now, expected):
    one = Pace(0.0)
    for name, value in pace.items():
        setattr(one, name, value)
    assert one.overdue(now, SHORT) is expected
