"""A body that is poured: each piece goes to a sink the moment it arrives, and nobody is woken in between."""

import asyncio
from math import inf

import pytest

from interlock_testing.misbehave import MisbehavingServer, Peer, always
from interlock_upstream import FailureKind, HttpClient, UpstreamFailed, UpstreamResponse
from tests.libs.interlock_upstream.support import (
    CHUNKED,
    IDLE_S,
    PATIENT,
    pieces_of,
    request,
    timer_of,
    until,
)


class Sink:
    """Keeps what it takes; the piece `last` is the last it wants."""

    def __init__(self, last: bytes = b"") -> None:
        self.taken: list[bytes] = []
        self.last = last
        self.arrived = asyncio.Semaphore(0)

    def take(self, piece: bytes) -> bool:
        self.taken.append(piece)
        self.arrived.release()
        return piece != self.last


class Spoken:
    """A server that says a piece when the one before was taken, the first when somebody waits for it."""

    def __init__(self, sink: Sink, *pieces: bytes, ends: bytes = b"0\r\n\r\n") -> None:
        self._sink = sink
        self._pieces = pieces
        self._ends = ends

    async def __call__(self, peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for piece in self._pieces:
            await self._sink.arrived.acquire()
            await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if self._ends:
            await self._sink.arrived.acquire()
            await peer.send(self._ends)
        await peer.gone()


async def pour(response: UpstreamResponse, sink: Sink) -> None:
    sink.arrived.release()
    await response.pour(sink.take, IDLE_S)


async def test_each_piece_goes_to_the_sink_until_the_end(client: HttpClient) -> None:
    sink = Sink()
    async with MisbehavingServer(Spoken(sink, b"one", b"two", b"three")) as server:
        response = await client.send(request(server.url), PATIENT)
        await pour(response, sink)
        assert sink.taken == [b"one", b"two", b"three"]
        assert await response.next(IDLE_S) is None
        response.release()
        assert client.stats().idle == 1


async def test_a_sink_that_wants_no_more_gets_no_more(client: HttpClient) -> None:
    sink = Sink(last=b"two")
    async with MisbehavingServer(Spoken(sink, b"one", b"two", ends=b"5\r\nthree\r\n0\r\n\r\n")) as server:
        response = await client.send(request(server.url), PATIENT)
        await pour(response, sink)
        assert sink.taken == [b"one", b"two"]
        assert await pieces_of(response) == [b"three"]
        response.release()


async def test_silence_is_told_by_the_next_read(client: HttpClient) -> None:
    sink = Sink()
    async with MisbehavingServer(Spoken(sink, b"one", ends=b"")) as server:
        response = await client.send(request(server.url), PATIENT)
        pouring = asyncio.create_task(pour(response, sink))
        await until(lambda: bool(sink.taken))
        timer_of(response).expire_at(asyncio.get_running_loop().time() + 0.05)
        await pouring
        with pytest.raises(UpstreamFailed) as failed:
            await response.next(IDLE_S)
        assert (failed.value.kind, sink.taken) == (FailureKind.IDLE_TIMEOUT, [b"one"])
        response.release()


async def test_a_piece_renews_the_time(client: HttpClient) -> None:
    sink = Sink()
    loop = asyncio.get_running_loop()
    go_on = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(3):
            await go_on.acquire()
            await peer.send(b"1\r\nx\r\n")
        await peer.send(b"0\r\n\r\n")
        await peer.gone()

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        timer = timer_of(response)
        pouring = asyncio.create_task(response.pour(sink.take, IDLE_S))
        await until(lambda: timer.deadline < inf)
        for before in range(2):
            deadline = timer.deadline
            await until(lambda then=deadline: loop.time() + IDLE_S > then)  # type: ignore[misc]
            go_on.release()
            await until(lambda taken=before: len(sink.taken) > taken)  # type: ignore[misc]
            assert timer.deadline > deadline
        go_on.release()
        await pouring
        assert sink.taken == [b"x"] * 3
        response.release()


async def test_what_the_sink_raises_is_raised_to_its_caller(client: HttpClient) -> None:
    def broken(piece: bytes) -> bool:
        raise ZeroDivisionError(piece)

    sink = Sink()
    async with MisbehavingServer(Spoken(sink, b"one")) as server:
        response = await client.send(request(server.url), PATIENT)
        sink.arrived.release()
        with pytest.raises(ZeroDivisionError):
            await response.pour(broken, IDLE_S)
        response.release()
        await until(lambda: client.stats().open == 0)


async def test_who_leaves_while_it_pours_closes_the_connection(client: HttpClient) -> None:
    sink = Sink()
    async with MisbehavingServer(Spoken(sink, b"one", ends=b"")) as server:
        response = await client.send(request(server.url), PATIENT)
        pouring = asyncio.create_task(pour(response, sink))
        await until(lambda: bool(sink.taken))
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        response.release()
        assert client.stats().idle == 0


async def test_what_is_there_already_is_left_to_the_next_read(client: HttpClient) -> None:
    sink = Sink()
    async with MisbehavingServer(always(CHUNKED + b"3\r\none\r\n0\r\n\r\n")) as server:
        response = await client.send(request(server.url), PATIENT)
        await until(lambda: response.complete)
        await response.pour(sink.take, IDLE_S)
        assert sink.taken == []
        assert await pieces_of(response) == [b"one"]
        response.release()
