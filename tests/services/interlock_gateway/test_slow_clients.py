"""Clients that send or read next to nothing are given up; others keep their time."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from interlock_domain.words import Result
from interlock_gateway.app import Application
from interlock_gateway.connection import LEFTOVER
from interlock_gateway.server import GatewayServer, gateway_server
from interlock_gateway.slow_clients import Overdue, Pace, Patience
from interlock_testing.misbehave import MisbehavingServer, always, endless
from interlock_testing.running import declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import ANSWER, STREAM_HEAD, chunk, newest, pieces, request, whole

SHORT = Patience(head_s=0.3, body_idle_s=0.3, body_grace_s=0.6, slowest=1000, read_s=0.3)
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n"
PIECE = bytes(64 * 1024)
PATIENCE_S = 30.0


class App:
    """Reads the body; then answers, endlessly where it is told to."""

    def __init__(self) -> None:
        self.endless = False
        self.deaf = False
        self.disconnected = 0
        self.cut = 0

    async def __call__(self, scope, receive, send) -> None:
        if self.deaf:
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b"no, thanks"})
            return
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
async def serving(app: App | Application, patience: Patience = SHORT) -> AsyncIterator[int]:
    server: GatewayServer = gateway_server(app, host="127.0.0.1", port=0)
    server.patience = patience
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started, what="the server")
        try:
            yield listening.getsockname()[1]
        finally:
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
    patience = replace(SHORT, body_idle_s=1.8)  # between two of its parts, which together take longer
    async with serving(App(), patience) as port:
        answer = await told(port, HEAD, *[b"x" * 2_500] * 40)
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


STREAM = endless(STREAM_HEAD + pieces(chunk(), chunk("word")), pieces(*[chunk(" more" * 100)] * 100))
LARGE = whole(ANSWER.replace(b'"hi"', b'"' + b"x" * 20_000_000 + b'"'))
ANSWERS = {
    "a stream": (STREAM, {"stream": True}, "keep-alive"),
    "a whole answer": (always(LARGE), {}, "keep-alive"),
    "a whole answer, the last one": (always(LARGE), {}, "close"),
}


@pytest.mark.parametrize(("script", "fields", "connection"), ANSWERS.values(), ids=ANSWERS)
async def test_who_does_not_read_an_answer_of_a_gateway_lets_go_of_its_upstream(script, fields, connection):
    async with (
        MisbehavingServer(script) as upstream,
        running(declaring({"atlas": f"{upstream.url}/v1"})) as loop,
        serving(loop.gateway.service.app) as port,
    ):
        gateway = loop.gateway.service.gateway
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request(headers={"Connection": connection}, **fields))
            await until(lambda: upstream.requests, what="the upstream call")
            await until(lambda: _reset(client), timeout_s=PATIENCE_S, what="the client to be cut off")
            await until(lambda: not gateway.exchanges, what="the slot to be free")
            await until(lambda: gateway.client.stats().in_use == 0, what="the upstream to be let go")
        if fields:
            await until(lambda: upstream.open == 0, what="the upstream to see the close")
        record = await newest(loop)
    assert record.result is (Result.CLIENT_ABORT if fields else Result.ANSWERED)


def _reset(client: socket.socket) -> bool:
    """Whether the kernel knows of a reset, found without reading."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


async def test_a_body_that_is_refused_is_read_on_so_that_its_sender_hears_why_and_not_for_ever():
    app = App()
    app.deaf = True
    async with serving(app, Patience()) as port:  # what ends it is the bytes that came, not the time
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(50.0):
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(bytes(1 << 20))
                    await writer.drain()
                    sent += 1 << 20
        assert LEFTOVER / 2 < sent < LEFTOVER * 2
        writer.close()
        with contextlib.suppress(ConnectionError):
            assert b"no, thanks" in await reader.read(4096)


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
