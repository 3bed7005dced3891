"""The stale retry, cancellation in every phase, and what is left behind: nothing."""

import asyncio
import gc
import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from interlock_testing.misbehave import (
    MisbehavingServer,
    Peer,
    always,
    closes,
    refusing,
    resets,
    silence,
    stalls,
    unanswering,
)
from interlock_upstream import (
    ClientMisused,
    FailureKind,
    HttpClient,
    Phase,
    PhaseLimits,
    TlsOptions,
    UpstreamFailed,
)
from interlock_upstream.client import STALE_S
from tests.libs.interlock_upstream.certificates import Identity
from tests.libs.interlock_upstream.support import (
    CHUNKED,
    HASTY_CONNECT,
    HASTY_HEADERS,
    IDLE_S,
    OK,
    PATIENT,
    dialled_in,
    fetch,
    request,
    until,
)

K = FailureKind


class StaleServer:
    """Answers the first request on each connection; what it does with a second one is given."""

    def __init__(self, *, reset: bool = False, partial: bytes = b"", stall: bool = False) -> None:
        self._reset = reset
        self._partial = partial
        self._stall = stall

    async def __call__(self, peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(self._partial)
        if self._stall:
            await peer.gone()
        if self._reset:
            peer.reset()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_stale_connection_is_replaced_once(client: HttpClient, reset: bool) -> None:
    async with MisbehavingServer(StaleServer(reset=reset)) as server:
        await fetch(client, request(server.url))
        dialled_in(client, 30.0)
        _, body = await fetch(client, request(server.url, body=b"again"))
        assert body == b"ok"
        assert server.accepted == 2
        assert [sent.endswith(b"again") for sent in server.requests] == [False, True, True]


async def test_the_replacement_is_fresh_even_when_others_idle(client: HttpClient) -> None:
    """Three idle connections, all stale: one try on one of them, one on a new connection, and no more."""
    async with MisbehavingServer(StaleServer()) as server:
        await asyncio.gather(*(fetch(client, request(server.url)) for _ in range(3)))
        assert client.stats().idle == 3
        dialled_in(client, 30.0)
        await fetch(client, request(server.url))
        assert server.accepted == 4
        assert len(server.requests) == 5


async def test_a_failing_replacement_is_not_replaced(client: HttpClient) -> None:
    async with MisbehavingServer(StaleServer()) as server:
        await fetch(client, request(server.url))
        dialled_in(client, 30.0)
        server.script = closes()
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (K.CLOSED_EARLY, Phase.HEADERS)
        assert server.accepted == 2


async def test_a_request_that_must_not_be_resent_fails(client: HttpClient) -> None:
    async with MisbehavingServer(StaleServer()) as server:
        await fetch(client, request(server.url))
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url, resendable=False), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (K.CLOSED_EARLY, Phase.HEADERS)
        assert server.accepted == 1


async def test_a_byte_of_an_answer_forbids_the_second_try(client: HttpClient) -> None:
    async with MisbehavingServer(StaleServer(partial=b"HTTP")) as server:
        await fetch(client, request(server.url))
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PATIENT)
        assert failed.value.kind is K.CLOSED_EARLY
        assert server.accepted == 1


async def test_silence_on_a_reused_connection_is_no_staleness(client: HttpClient) -> None:
    async with MisbehavingServer(StaleServer(stall=True)) as server:
        await fetch(client, request(server.url))
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), HASTY_HEADERS)
        assert failed.value.kind is K.HEADERS_TIMEOUT
        assert server.accepted == 1


async def test_a_fresh_connection_is_not_retried(client: HttpClient) -> None:
    async with MisbehavingServer(resets()) as server:
        with pytest.raises(UpstreamFailed):
            await client.send(request(server.url), PATIENT)
        assert server.accepted == 1


async def test_a_peer_that_read_the_request_and_died_later_is_not_asked_again(client: HttpClient) -> None:
    # It may have begun to work: a second send would be an attempt that nobody decided and nobody counts.
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await asyncio.sleep(4 * STALE_S)

    async with MisbehavingServer(script) as server:
        await fetch(client, request(server.url))
        dialled_in(client, 0.0)
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PATIENT)
        assert failed.value.kind in {K.CLOSED_EARLY, K.RESET}
        assert failed.value.phase is Phase.HEADERS
        assert server.accepted == 1


async def test_failures_while_connecting(client: HttpClient) -> None:
    with refusing() as port, pytest.raises(UpstreamFailed) as refused:
        await client.send(request(f"http://127.0.0.1:{port}"), PATIENT)
    assert (refused.value.kind, refused.value.phase) == (K.REFUSED, Phase.CONNECT)
    assert isinstance(refused.value.__cause__, ConnectionRefusedError)
    with unanswering() as port, pytest.raises(UpstreamFailed) as unanswered:
        await client.send(request(f"http://127.0.0.1:{port}"), HASTY_CONNECT)
    assert (unanswered.value.kind, unanswered.value.phase) == (K.CONNECT_TIMEOUT, Phase.CONNECT)
    async with MisbehavingServer(silence) as server:
        with pytest.raises(UpstreamFailed) as stalled:
            await client.send(request(server.url.replace("http:", "https:")), HASTY_CONNECT)
        assert (stalled.value.kind, stalled.value.phase) == (K.CONNECT_TIMEOUT, Phase.CONNECT)
        await until(lambda: server.open == 0)
    assert client.stats().open == 0


async def _cancel_when(task: "asyncio.Task[object]", server: MisbehavingServer, requests: int) -> None:
    await until(lambda: server.accepted == 1 and len(server.requests) == requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_while_connecting(client: HttpClient) -> None:
    with unanswering() as port:
        task = asyncio.create_task(client.send(request(f"http://127.0.0.1:{port}"), PATIENT))
        await until(lambda: client.stats().open == 1)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert client.stats().open == 0


async def test_cancelled_during_the_tls_handshake(client: HttpClient) -> None:
    async with MisbehavingServer(silence) as server:
        task = asyncio.create_task(client.send(request(server.url.replace("http:", "https:")), PATIENT))
        await _cancel_when(task, server, 0)
        await until(lambda: client.stats().open == 0 and server.open == 0)


async def test_cancelled_while_waiting_for_the_head(client: HttpClient) -> None:
    async with MisbehavingServer(stalls()) as server:
        task = asyncio.create_task(client.send(request(server.url), PATIENT))
        await _cancel_when(task, server, 1)
        await until(lambda: client.stats().open == 0 and server.open == 0)


async def test_cancelled_during_the_second_try(client: HttpClient) -> None:
    async with MisbehavingServer(StaleServer()) as server:
        await fetch(client, request(server.url))
        dialled_in(client, 30.0)
        server.script = stalls()
        task = asyncio.create_task(client.send(request(server.url), PATIENT))
        await until(lambda: len(server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client.stats().open == 0 and server.open == 0)


@pytest.mark.parametrize("whole", [False, True])
async def test_cancelled_while_reading_the_body(client: HttpClient, whole: bool) -> None:
    async with MisbehavingServer(stalls(CHUNKED + b"1\r\na\r\n")) as server:
        response = await client.send(request(server.url), PATIENT)
        if not whole:
            assert await response.next(IDLE_S) == b"a"
        reading = response.read(100, IDLE_S) if whole else response.next(IDLE_S)
        task = asyncio.create_task(reading)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client.stats().open == 0 and server.open == 0)
        response.release()


async def test_cancelled_as_the_answer_arrives(client: HttpClient) -> None:
    """Whichever of the two comes first, nothing stays in use."""
    async with MisbehavingServer(always(OK)) as server:
        for _ in range(20):
            task = asyncio.create_task(fetch(client, request(server.url)))
            seen = len(server.requests)
            await until(lambda before=seen: len(server.requests) > before)  # type: ignore[misc]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert client.stats().in_use == 0 or task.cancelled()
        await until(lambda: client.stats().in_use == 0)


async def test_a_closed_client_sends_nothing(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        await fetch(client, request(server.url))
        await client.close()
        await client.close()
        await until(lambda: server.open == 0)
        with pytest.raises(ClientMisused):
            await client.send(request(server.url), PATIENT)


async def test_closing_while_connecting_leaves_no_socket(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        task = asyncio.create_task(client.send(request(server.url), PATIENT))
        await asyncio.sleep(0)  # one turn of the loop: the connection is counted, its socket is not there yet
        assert client.stats().open == 1
        await client.close()
        with pytest.raises(UpstreamFailed):
            await task
        await until(lambda: server.open == 0)


def _descriptors() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


async def test_two_thousand_failures_leave_nothing(
    make_client, identity: Identity, stranger: Identity
) -> None:
    client: HttpClient = make_client(tls=TlsOptions(ca_file=str(stranger.ca_file)))
    scripts = (resets(), closes(b"HTTP/1.1 2"), closes(b"nonsense\r\n\r\n"), resets(CHUNKED + b"9\r\nhalf"))
    limits = PhaseLimits(connect_s=10.0, headers_s=0.05)

    async def attempt(url: str) -> None:
        response = None
        try:
            response = await client.send(request(url), limits)
            await response.read(100, 0.05)
        except UpstreamFailed:
            return
        finally:
            if response is not None:
                response.release()
        pytest.fail(f"{url} was meant to fail")

    async with AsyncExitStack() as stack:
        servers = [MisbehavingServer(script) for script in (*scripts, stalls(), stalls(CHUNKED))]
        servers.append(MisbehavingServer(always(OK), tls=identity.server_context()))
        for server in servers:
            await stack.enter_async_context(server)
        urls = [*(server.url for server in servers), f"http://127.0.0.1:{stack.enter_context(refusing())}"]

        async def attempts(count: int) -> None:
            for start in range(0, count, 100):
                await asyncio.gather(*(attempt(urls[(start + each) % len(urls)]) for each in range(100)))
            await until(lambda: client.stats().open == 0 and all(server.open == 0 for server in servers))
            gc.collect()

        await attempts(100)
        before = _descriptors()
        await attempts(2000)
        await until(lambda: _descriptors() <= before)
