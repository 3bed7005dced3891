"""What goes wrong on a connection that is open: each misbehaviour has one kind and one phase."""

import asyncio
from math import inf

import pytest

from interlock_testing.misbehave import (
    MisbehavingServer,
    Peer,
    Script,
    always,
    closes,
    deaf,
    endless,
    resets,
    stalls,
)
from interlock_upstream import FailureKind, HttpClient, Limits, Phase, PhaseLimits, UpstreamFailed
from tests.libs.interlock_upstream.support import (
    CHUNKED,
    HASTY_HEADERS,
    IDLE_S,
    OK,
    PATIENT,
    SILENT,
    fetch,
    limits_to_see,
    pieces_of,
    request,
    until,
)

K = FailureKind
HEAD_OF_TEN = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

BEFORE_THE_HEAD: list[tuple[str, Script, FailureKind]] = [
    ("reset before headers", resets(), K.RESET),
    ("closed before headers", closes(), K.CLOSED_EARLY),
    ("reset inside the head", resets(b"HTTP/1.1 200 OK\r\nContent-"), K.RESET),
    ("closed inside the head", closes(b"HTTP/1.1 200 OK\r\nContent-"), K.CLOSED_EARLY),
    ("silence", stalls(), K.HEADERS_TIMEOUT),
    ("silence inside the head", stalls(b"HTTP/1.1 200 OK\r\n"), K.HEADERS_TIMEOUT),
    ("silence after an interim response", stalls(b"HTTP/1.1 100 Continue\r\n\r\n"), K.HEADERS_TIMEOUT),
    ("garbage", closes(b"\x16\x03\x01 this is no HTTP"), K.MALFORMED),
    ("a request instead", closes(b"GET / HTTP/1.1\r\n\r\n"), K.MALFORMED),
    ("bare line feeds", closes(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"), K.MALFORMED),
    ("folded header", closes(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), K.MALFORMED),
    ("space before the colon", closes(b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n"), K.MALFORMED),
    (
        "two lengths",
        closes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        K.MALFORMED,
    ),
    (
        "length and chunks",
        closes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        K.MALFORMED,
    ),
    ("negative length", closes(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), K.MALFORMED),
    ("status of two digits", closes(b"HTTP/1.1 99 No\r\n\r\n"), K.MALFORMED),
    ("status below 100", closes(b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"), K.MALFORMED),
    (
        "switching protocols",
        stalls(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        K.MALFORMED,
    ),
    ("switching to nothing", stalls(b"HTTP/1.1 101 Go\r\n\r\n"), K.MALFORMED),
    ("an interim response is all", closes(b"HTTP/1.1 100 Continue\r\n\r\n"), K.MALFORMED),
    ("reset after an interim response", resets(b"HTTP/1.1 100 Continue\r\n\r\n"), K.RESET),
    ("endless headers", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 100), K.HEADER_OVERFLOW),
    ("an endless header", endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000), K.HEADER_OVERFLOW),
    ("an endless reason", endless(b"HTTP/1.1 200 ", b"O" * 10_000), K.HEADER_OVERFLOW),
    ("endless interim responses", endless(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 100), K.HEADER_OVERFLOW),
    (
        "a complete head that is too big",
        closes(b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"x" * 1000) * 90 + b"Content-Length: 0\r\n\r\n"),
        K.HEADER_OVERFLOW,
    ),
]

AFTER_THE_HEAD: list[tuple[str, Script, bytes, FailureKind]] = [
    ("reset inside the body", resets(HEAD_OF_TEN + b"12345"), b"12345", K.RESET),
    ("reset before the body", resets(HEAD_OF_TEN), b"", K.RESET),
    ("closed inside the body", closes(HEAD_OF_TEN + b"12345"), b"12345", K.CLOSED_EARLY),
    ("closed inside a chunk", closes(CHUNKED + b"a\r\n12345"), b"12345", K.CLOSED_EARLY),
    ("reset inside a chunk", resets(CHUNKED + b"a\r\n12345"), b"12345", K.RESET),
    ("closed between chunks", closes(CHUNKED + b"5\r\n12345\r\n"), b"12345", K.CLOSED_EARLY),
    ("closed before the last line", closes(CHUNKED + b"5\r\n12345\r\n0\r\n"), b"12345", K.CLOSED_EARLY),
    ("silence inside the body", stalls(HEAD_OF_TEN + b"12345"), b"12345", K.IDLE_TIMEOUT),
    ("silence before the body", stalls(CHUNKED), b"", K.IDLE_TIMEOUT),
    ("a chunk size that is no number", stalls(CHUNKED + b"5\r\n12345\r\nzz\r\n"), b"12345", K.MALFORMED),
    ("a chunk size beyond 64 bits", stalls(CHUNKED + b"fffffffffffffffff\r\n"), b"", K.MALFORMED),
    ("a chunk longer than it said", stalls(CHUNKED + b"5\r\n1234567\r\n"), b"12345", K.MALFORMED),
    ("a huge chunk that never comes", closes(CHUNKED + b"7fffffffffffffff\r\nabc"), b"abc", K.CLOSED_EARLY),
    ("endless chunk extensions", endless(CHUNKED + b"5;", b"x" * 10_000), b"", K.HEADER_OVERFLOW),
    ("endless trailers", endless(CHUNKED + b"1\r\na\r\n0\r\n", b"T: t\r\n" * 1000), b"a", K.HEADER_OVERFLOW),
]

WHOLE: list[tuple[str, bytes, bytes]] = [
    ("interim responses", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n" + OK, b"ok"),
    ("chunks with extensions", CHUNKED + b"3;a=b;c\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    ("chunks with trailers", CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", b"abc"),
    ("no body", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ("no content", b"HTTP/1.1 204 No\r\n\r\n", b""),
    ("not modified", b"HTTP/1.1 304 No\r\nContent-Length: 99\r\n\r\n", b""),
    (
        "kept alive in HTTP/1.0",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
    ),
    ("an unheard-of status", b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    (
        "an upgrade nobody asked for",
        OK.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
        b"ok",
    ),
]

ENDED_BY_CLOSING: list[tuple[str, bytes]] = [
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nthe body"),
    ("HTTP/1.1", b"HTTP/1.1 200 OK\r\n\r\nthe body"),
    ("announced", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthe body"),
    ("a coding that is not chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nthe body"),
]

TOO_MUCH: list[tuple[str, bytes]] = [
    ("bytes beyond the length", OK + b"more"),
    ("a second response", OK + OK),
    ("half a second response", OK + b"HTTP/1.1 2"),
    ("garbage after the last chunk", CHUNKED + b"2\r\nok\r\n0\r\n\r\n!"),
    ("bytes after Connection: close", OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"more"),
]


@pytest.mark.parametrize(
    ("name", "script", "kind"), BEFORE_THE_HEAD, ids=[case[0] for case in BEFORE_THE_HEAD]
)
async def test_before_the_head(client: HttpClient, name: str, script: Script, kind: FailureKind) -> None:
    async with MisbehavingServer(script) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), limits_to_see(kind))
        assert (failed.value.kind, failed.value.phase) == (kind, Phase.HEADERS)
        await until(lambda: client.stats().open == 0 and server.open == 0 and len(server.requests) == 1)


@pytest.mark.parametrize(
    ("name", "script", "body", "kind"), AFTER_THE_HEAD, ids=[case[0] for case in AFTER_THE_HEAD]
)
async def test_after_the_head(
    client: HttpClient, name: str, script: Script, body: bytes, kind: FailureKind
) -> None:
    """What arrived is handed out first; then the failure is raised, and raised again."""
    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        idle_s = 0.2 if kind in SILENT else IDLE_S
        received = b""
        with pytest.raises(UpstreamFailed) as failed:  # noqa: PT012
            while (piece := await response.next(idle_s)) is not None:
                received += piece
        assert (failed.value.kind, failed.value.phase, received) == (kind, Phase.BODY, body)
        assert not response.complete
        with pytest.raises(UpstreamFailed) as again:
            await response.next(idle_s)
        assert again.value.kind is kind
        response.release()
        await until(lambda: client.stats().open == 0 and server.open == 0)


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("name", "answer", "body"), WHOLE, ids=[case[0] for case in WHOLE])
async def test_whole_responses_leave_the_connection_usable(
    client: HttpClient, name: str, answer: bytes, body: bytes, size: int
) -> None:
    async with MisbehavingServer(always(answer, size=size)) as server:
        for _ in range(2):
            response, received = await fetch(client, request(server.url))
            assert received == body
            assert response.header(b"x-sum") is None
        assert server.accepted == 1
        assert client.stats().idle == 1


@pytest.mark.parametrize(("name", "answer"), ENDED_BY_CLOSING, ids=[case[0] for case in ENDED_BY_CLOSING])
async def test_a_body_ended_by_closing_is_complete(client: HttpClient, name: str, answer: bytes) -> None:
    async with MisbehavingServer(closes(answer, size=3)) as server:
        response = await client.send(request(server.url), PATIENT)
        assert b"".join(await pieces_of(response)) == b"the body"
        assert response.complete
        response.release()
        await until(lambda: client.stats().open == 0)


async def test_a_body_ended_by_a_reset_is_not_complete(client: HttpClient) -> None:
    async with MisbehavingServer(resets(b"HTTP/1.1 200 OK\r\n\r\nhalf")) as server:
        response = await client.send(request(server.url), PATIENT)
        with pytest.raises(UpstreamFailed) as failed:
            await pieces_of(response)
        assert failed.value.kind is K.RESET
        response.release()


async def test_closing_the_client_does_not_complete_a_body_ended_by_closing(client: HttpClient) -> None:
    async with MisbehavingServer(stalls(b"HTTP/1.1 200 OK\r\n\r\nhalf")) as server:
        response = await client.send(request(server.url), PATIENT)
        assert await response.next(IDLE_S) == b"half"
        reading = asyncio.ensure_future(response.next(IDLE_S))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(UpstreamFailed) as failed:
            await reading
        assert failed.value.kind is K.RESET
        response.release()


@pytest.mark.parametrize(("name", "answer"), TOO_MUCH, ids=[case[0] for case in TOO_MUCH])
async def test_bytes_beyond_a_response_close_the_connection(
    client: HttpClient, name: str, answer: bytes
) -> None:
    """The answer is good; the connection must not carry another request."""
    async with MisbehavingServer(always(answer)) as server:
        for number in (1, 2):
            _, received = await fetch(client, request(server.url))
            assert received == b"ok"
            assert client.stats().idle == 0
            assert server.accepted == number
        await until(lambda: client.stats().open == 0 and server.open == 0)


async def test_bytes_on_an_idle_connection_close_it(client: HttpClient) -> None:
    late = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await late.wait()
        await peer.send(OK)
        await peer.gone()

    async with MisbehavingServer(script) as server:
        await fetch(client, request(server.url))
        assert client.stats().idle == 1
        late.set()
        await until(lambda: client.stats().open == 0)


async def test_a_body_after_head_or_no_content_poisons_the_connection(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        _, body = await fetch(client, request(server.url, method=b"HEAD"))
        assert body == b""
        assert client.stats().idle == 0
        server.script = always(b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok")
        _, body = await fetch(client, request(server.url))
        assert body == b""
        assert client.stats().idle == 0


async def test_an_unread_body_that_arrived_whole_does_not_cost_the_connection(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        for _ in range(3):
            response = await client.send(request(server.url), PATIENT)
            await until(lambda one=response: one.complete)  # type: ignore[misc]
            response.release()
        _, body = await fetch(client, request(server.url))
        assert (body, server.accepted) == (b"ok", 1)


async def test_a_reader_that_does_not_read_stops_the_server(make_client) -> None:
    """50 MB wait for a reader; the client holds its limit and one socket read at most."""
    limit = 64 * 1024
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(500):
            await peer.send(b"x" * 100_000)
            sent += 100_000
        await peer.gone()

    client = make_client(limits=Limits(buffer_bytes=limit))
    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url), PATIENT)
        before = -1
        while sent != before:  # until a whole 50 ms pass without the server getting rid of anything
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 20_000_000, "the kernel's buffers take a few MB, the client must not take the rest"
        first = await response.next(IDLE_S)
        assert first is not None
        assert len(first) <= limit + 256 * 1024
        received = len(first)
        while (piece := await response.next(IDLE_S)) is not None:
            assert len(piece) <= limit + 256 * 1024
            received += len(piece)
        assert received == 50_000_000
        response.release()
        assert client.stats().idle == 1


async def test_tiny_chunks_count_with_what_they_cost(make_client) -> None:
    client = make_client(limits=Limits(buffer_bytes=10_000))
    async with MisbehavingServer(endless(CHUNKED, b"1\r\nx\r\n" * 10_000)) as server:
        response = await client.send(request(server.url), PATIENT)
        for _ in range(20):
            piece = await response.next(IDLE_S)
            assert piece is not None
            assert len(piece) < 10_000 // 40 + 256 * 1024 // 6
        response.release()


async def test_an_answer_before_the_request_was_read_costs_the_connection(client: HttpClient) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await deaf(peer)

    async with MisbehavingServer(script) as server:
        response = await client.send(request(server.url, body=bytes(50_000_000)), PATIENT)
        assert response.status == 413
        assert response.complete
        response.release()
        assert client.stats().idle == 0
        await until(lambda: client.stats().open == 0)


async def test_an_upload_nobody_reads_times_out(client: HttpClient) -> None:
    async with MisbehavingServer(deaf) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url, body=bytes(50_000_000)), HASTY_HEADERS)
        assert failed.value.kind is K.HEADERS_TIMEOUT


async def test_the_time_for_headers_starts_when_a_long_request_has_left(client: HttpClient) -> None:
    """40 MB are more than the kernel and the server take before the server reads."""
    read, answer = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await read.wait()
        await peer.request()
        await answer.wait()
        await peer.send(OK)
        await peer.gone()

    async with MisbehavingServer(script) as server:
        asked = request(server.url, body=bytes(40_000_000))
        sending = asyncio.create_task(client.send(asked, PhaseLimits(connect_s=30.0, headers_s=50.0)))
        await until(lambda: server.accepted == 1)
        (connection,) = client._pool._buckets[asked.origin, ""].members
        await until(lambda: connection._timer.deadline < inf)
        first = connection._timer.deadline
        await asyncio.sleep(0.05)
        assert connection._timer.deadline == first
        read.set()
        await until(lambda: len(server.requests) == 1)
        await until(lambda: connection._timer.deadline >= first + 0.05)
        answer.set()
        response = await sending
        assert response.status == 200
        response.release()
