"""TLS: verified always, by the authorities given, under the name asked for."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock_testing.misbehave import MisbehavingServer, always, closes, resets, stalls
from interlock_upstream import FailureKind, HttpClient, Phase, TlsOptions, UpstreamFailed
from tests.libs.interlock_upstream.certificates import Identity, make_identity
from tests.libs.interlock_upstream.support import (
    CHUNKED,
    IDLE_S,
    OK,
    PATIENT,
    fetch,
    pieces_of,
    request,
    until,
)

MakeClient = Callable[..., HttpClient]


def trusting(make_client: MakeClient, identity: Identity) -> HttpClient:
    return make_client(tls=TlsOptions(ca_file=str(identity.ca_file)))


async def test_a_private_authority(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    async with MisbehavingServer(always(OK), tls=identity.server_context()) as server:
        for _ in range(3):
            _, body = await fetch(client, request(server.url))
            assert body == b"ok"
        assert (server.accepted, client.stats().idle) == (1, 1)
        _, body = await fetch(client, request(f"https://127.0.0.1:{server.port}"))
        assert body == b"ok"


async def test_an_unknown_authority(make_client: MakeClient, identity: Identity, stranger: Identity) -> None:
    for client in (make_client(), trusting(make_client, stranger)):
        async with MisbehavingServer(always(OK), tls=identity.server_context()) as server:
            with pytest.raises(UpstreamFailed) as failed:
                await client.send(request(server.url), PATIENT)
            assert (failed.value.kind, failed.value.phase) == (FailureKind.TLS, Phase.CONNECT)
            assert isinstance(failed.value.__cause__, ssl.SSLCertVerificationError)
            assert client.stats().open == 0
            await until(lambda one=server: one.open == 0)  # type: ignore[misc]


async def test_another_name(make_client: MakeClient, tmp_path: Path) -> None:
    identity = make_identity(tmp_path, names="DNS:elsewhere.example")
    client = trusting(make_client, identity)
    async with MisbehavingServer(always(OK), tls=identity.server_context()) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PATIENT)
        assert failed.value.kind is FailureKind.TLS


async def test_a_server_without_tls(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    async with MisbehavingServer(lambda peer: peer.send(OK)) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url.replace("http:", "https:")), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.TLS, Phase.CONNECT)


async def test_a_server_that_leaves_during_the_handshake(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)

    async def leave(_: object) -> None: ...

    async with MisbehavingServer(leave) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url.replace("http:", "https:")), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.RESET, Phase.CONNECT)


async def test_a_file_of_authorities_that_cannot_be_used(make_client: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        client = make_client(tls=TlsOptions(ca_file=str(tmp_path / name)))
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request("https://127.0.0.1:1"), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.TLS, Phase.CONNECT)
        assert client.stats().open == 0


async def test_failures_over_tls_have_the_same_kinds(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    ten = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with MisbehavingServer(closes(ten), tls=identity.server_context()) as server:
        for script, idle_s, kind in (
            (closes(ten), IDLE_S, FailureKind.CLOSED_EARLY),
            (resets(ten), IDLE_S, FailureKind.RESET),
            (stalls(ten), 0.2, FailureKind.IDLE_TIMEOUT),
        ):
            server.script = script
            response = await client.send(request(server.url), PATIENT)
            with pytest.raises(UpstreamFailed) as failed:
                await pieces_of(response, idle_s)
            assert failed.value.kind is kind
            response.release()
            await until(lambda: client.stats().open == 0)


async def test_a_body_ended_by_closing_over_tls(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    async with MisbehavingServer(
        closes(b"HTTP/1.1 200 OK\r\n\r\nbody"), tls=identity.server_context()
    ) as server:
        _, body = await fetch(client, request(server.url))
        assert body == b"body"


async def test_cancelled_over_tls(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    async with MisbehavingServer(stalls(CHUNKED), tls=identity.server_context()) as server:
        response = await client.send(request(server.url), PATIENT)
        task = asyncio.create_task(response.next(IDLE_S))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client.stats().open == 0 and server.open == 0)
        response.release()


async def test_backpressure_over_tls(make_client: MakeClient, identity: Identity) -> None:
    client = trusting(make_client, identity)
    size = 20_000_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    async with MisbehavingServer(always(answer), tls=identity.server_context()) as server:
        response = await client.send(request(server.url), PATIENT)
        await asyncio.sleep(0.1)
        first = await response.next(IDLE_S)
        assert first is not None
        assert len(first) <= 2 * 1024 * 1024
        rest = await response.read(size, IDLE_S)
        assert len(first) + len(rest) == size
        response.release()


def test_verification_cannot_be_turned_off() -> None:
    context = TlsOptions().context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert socket.has_ipv6 in (True, False)
