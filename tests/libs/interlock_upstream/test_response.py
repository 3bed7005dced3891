"""Reading a response: pieces, whole bodies, bounds, gzip, and a handle that was released."""

import asyncio
import gzip
import zlib
from math import inf

import pytest

from interlock_testing.misbehave import MisbehavingServer, Peer, always, closes, endless, stalls
from interlock_upstream import ClientMisused, FailureKind, HttpClient, Limits, Phase, UpstreamFailed
from tests.libs.interlock_upstream.support import (
    CHUNKED,
    IDLE_S,
    MANY,
    OK,
    PATIENT,
    fetch,
    pieces_of,
    request,
    timer_of,
    until,
)

K = FailureKind


def gzipped(body: bytes, coding: bytes = b"gzip") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\nX-Kept: yes\r\n\r\n"
    return head % (coding, len(body)) + body


async def test_what_arrived_together_is_one_piece(client: HttpClient) -> None:
    async with MisbehavingServer(always(CHUNKED + b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")) as server:
        response = await client.send(request(server.url), PATIENT)
        await until(lambda: response.complete)
        assert await pieces_of(response) == [b"abc"]
        assert await response.next(IDLE_S) is None
        response.release()


async def test_a_piece_is_handed_out_when_it_arrives(client: HttpClient) -> None:
    go_on = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for number in range(5):
            await go_on.acquire()
            await peer.send(b"1\r\n%d\r\n" % number)
        await peer.send(b"0\r\n\r\n")
        await peer.gone()

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        for number in range(5):
            go_on.release()
            assert await response.next(IDLE_S) == b"%d" % number
        assert await response.next(IDLE_S) is None
        response.release()
        assert client.stats().idle == 1


async def test_each_piece_renews_the_idle_time(client: HttpClient) -> None:
    go_on = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(3):
            await go_on.acquire()
            await peer.send(b"1\r\nx\r\n")
        await peer.gone()

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        timer = timer_of(response)
        for _ in range(3):
            began = loop.time()
            reading = asyncio.create_task(response.next(IDLE_S))
            await until(lambda: timer.deadline < inf)
            assert timer.deadline >= began + IDLE_S
            go_on.release()
            assert await reading == b"x"
            assert timer.deadline == inf
        with pytest.raises(UpstreamFailed) as failed:
            await response.next(0.2)
        assert failed.value.kind is K.IDLE_TIMEOUT
        response.release()


async def test_a_body_beyond_the_bound_is_refused(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        response = await client.send(request(server.url), PATIENT)
        await until(lambda: response.complete)
        with pytest.raises(UpstreamFailed) as at_once:
            await response.read(1, IDLE_S)
        response.release()
        server.script = endless(CHUNKED, b"5\r\nhello\r\n")
        other = await client.send(request(server.url, pool_key="other"), PATIENT)
        with pytest.raises(UpstreamFailed) as on_the_way:
            await other.read(1000, IDLE_S)
        other.release()
        for failed in (at_once, on_the_way):
            assert (failed.value.kind, failed.value.phase) == (K.BODY_OVERFLOW, Phase.BODY)


async def test_a_body_at_the_bound_is_read(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK, size=1)) as server:
        response = await client.send(request(server.url), PATIENT)
        assert await response.read(2, IDLE_S) == b"ok"
        response.release()


async def test_the_deadline_holds_for_the_whole_body(client: HttpClient) -> None:
    """Each piece comes in time; all of them together do not."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        while True:
            await asyncio.sleep(0.02)
            await peer.send(b"1\r\nx\r\n")

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        with pytest.raises(UpstreamFailed) as failed:
            await response.read(MANY, IDLE_S, 0.2)
        assert (failed.value.kind, failed.value.phase) == (K.DEADLINE, Phase.BODY)
        response.release()
        await until(lambda: client.stats().open == 0)


async def test_a_deadline_in_the_past_and_one_during_silence(client: HttpClient) -> None:
    async with MisbehavingServer(stalls(CHUNKED)) as server:
        for deadline_s in (-1.0, 0.05):
            response = await client.send(request(server.url), PATIENT)
            with pytest.raises(UpstreamFailed) as failed:
                await response.read(MANY, IDLE_S, deadline_s)
            assert failed.value.kind is K.DEADLINE
            response.release()


async def test_reading_goes_on_where_pieces_ended(client: HttpClient) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"3\r\nabc\r\n")
        await go_on.wait()
        await peer.send(b"3\r\ndef\r\n0\r\n\r\n")
        await peer.gone()

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        assert await response.next(IDLE_S) == b"abc"
        go_on.set()
        assert await response.read(3, IDLE_S) == b"def"
        response.release()


async def test_a_released_handle_reads_nothing(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        response = await client.send(request(server.url), PATIENT)
        await until(lambda: response.complete)
        response.release()
        with pytest.raises(ClientMisused):
            await response.next(IDLE_S)
        with pytest.raises(ClientMisused):
            await response.read(MANY, IDLE_S)


async def test_a_late_release_does_not_touch_the_next_exchange(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        first = await client.send(request(server.url), PATIENT)
        assert await first.read(MANY, IDLE_S) == b"ok"
        first.release()
        second = await client.send(request(server.url), PATIENT)
        first.release()
        assert await second.read(MANY, IDLE_S) == b"ok"
        second.release()
        assert server.accepted == 1


async def test_a_release_wakes_the_task_that_reads(client: HttpClient) -> None:
    async with MisbehavingServer(stalls(CHUNKED)) as server:
        response = await client.send(request(server.url), PATIENT)
        reading = asyncio.create_task(response.read(MANY, IDLE_S))
        await asyncio.sleep(0)
        response.release()
        with pytest.raises(UpstreamFailed) as failed:
            await reading
        assert failed.value.kind is K.RESET
        await until(lambda: client.stats().open == 0)


async def test_a_task_that_woke_too_late_does_not_read_the_next_exchange(client: HttpClient) -> None:
    """The answer is complete and released by another task before the reader has run."""
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:-1])
        await go_on.wait()
        await peer.send(OK[-1:])
        await peer.gone()

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        assert await response.next(IDLE_S) == b"o"

        async def release_first() -> None:
            while not response.complete:  # noqa: ASYNC110 - to be as close behind the arrival as can be
                await asyncio.sleep(0)
            response.release()

        releasing = asyncio.create_task(release_first())
        await asyncio.sleep(0)
        reading = asyncio.create_task(response.next(IDLE_S))
        await asyncio.sleep(0)
        go_on.set()
        outcome = (await asyncio.gather(reading, releasing, return_exceptions=True))[0]
        assert outcome == b"k" or isinstance(outcome, UpstreamFailed)
        assert client.stats().idle == 1


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"GZip", b"deflate"])
@pytest.mark.parametrize("size", [0, 1])
async def test_a_coding_is_undone_and_not_mentioned(client: HttpClient, coding: bytes, size: int) -> None:
    packed = (zlib.compress if coding == b"deflate" else gzip.compress)(b"hello" * 100)
    async with MisbehavingServer(always(gzipped(packed, coding), size=size)) as server:
        for _ in range(2):
            response, body = await fetch(client, request(server.url))
            assert body == b"hello" * 100
            names = [name for name, _ in response.headers]
            assert names == [b"x-kept"]
        assert server.accepted == 1


async def test_a_coding_that_nobody_asked_for_and_nobody_here_reads_is_malformed(client: HttpClient) -> None:
    async with MisbehavingServer(always(gzipped(b"whatever", b"br"))) as server:
        response = await client.send(request(server.url), PATIENT)
        with pytest.raises(UpstreamFailed) as failed:
            await response.read(MANY, IDLE_S)
        assert (failed.value.kind, failed.value.detail) == (K.MALFORMED, "broken br")
        response.release()


@pytest.mark.parametrize(
    "packed", [b"no gzip at all", gzip.compress(b"hello" * 100)[:-5]], ids=["none", "cut"]
)
async def test_broken_gzip_is_malformed(client: HttpClient, packed: bytes) -> None:
    async with MisbehavingServer(always(gzipped(packed))) as server:
        response = await client.send(request(server.url), PATIENT)
        with pytest.raises(UpstreamFailed) as failed:
            await pieces_of(response)
        assert (failed.value.kind, failed.value.phase) == (K.MALFORMED, Phase.BODY)
        response.release()


async def test_a_gzip_bomb_comes_in_bounded_pieces(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(buffer_bytes=10_000))
    async with MisbehavingServer(always(gzipped(gzip.compress(bytes(5_000_000))))) as server:
        response = await client.send(request(server.url), PATIENT)
        pieces = await pieces_of(response)
        assert sum(map(len, pieces)) == 5_000_000
        assert max(map(len, pieces)) <= 10_000
        response.release()
        other = await client.send(request(server.url), PATIENT)
        with pytest.raises(UpstreamFailed) as failed:
            await other.read(50_000, IDLE_S)
        assert failed.value.kind is K.BODY_OVERFLOW
        other.release()


async def test_gzip_ended_by_closing(client: HttpClient) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"hello")
    async with MisbehavingServer(closes(answer, size=1)) as server:
        _, body = await fetch(client, request(server.url))
        assert body == b"hello"
