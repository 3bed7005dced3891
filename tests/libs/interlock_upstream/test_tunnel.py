"""Going through a forward proxy: CONNECT for https, the absolute form for http."""

import asyncio
from collections.abc import Callable

import pytest

from interlock_testing.misbehave import (
    MisbehavingServer,
    Peer,
    Script,
    always,
    closes,
    endless,
    refusing,
    resets,
    silence,
    stalls,
)
from interlock_upstream import FailureKind, HttpClient, Limits, Phase, Proxies, TlsOptions, UpstreamFailed
from tests.libs.interlock_upstream.certificates import Identity
from tests.libs.interlock_upstream.support import OK, PATIENT, fetch, limits_to_see, request, until

MakeClient = Callable[..., HttpClient]
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def forward(peer: Peer) -> None:
    """A proxy that opens the tunnel it is asked for and copies bytes both ways."""
    target = (await peer.request()).split(b" ")[1].decode()
    host, _, port = target.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await peer.send(ESTABLISHED)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    await asyncio.gather(copy(peer.reader, writer), copy(reader, peer.writer))


def through(proxy: MisbehavingServer | int, make_client: MakeClient, identity: Identity) -> HttpClient:
    port = proxy if isinstance(proxy, int) else proxy.port
    url = f"http://user:word@127.0.0.1:{port}"
    return make_client(
        tls=TlsOptions(ca_file=str(identity.ca_file)),
        proxies=Proxies.from_mapping({"https_proxy": url, "http_proxy": url, "no_proxy": "127.0.0.9"}),
    )


async def test_https_goes_through_a_tunnel(make_client: MakeClient, identity: Identity) -> None:
    async with (
        MisbehavingServer(forward) as proxy,
        MisbehavingServer(always(OK), tls=identity.server_context()) as server,
    ):
        client = through(proxy, make_client, identity)
        for _ in range(3):
            _, body = await fetch(client, request(server.url, b"/x"))
            assert body == b"ok"
        assert len(proxy.requests) == 1
        assert proxy.requests[0] == (
            b"CONNECT localhost:%d HTTP/1.1\r\nhost: localhost:%d\r\n"
            b"proxy-authorization: Basic dXNlcjp3b3Jk\r\n\r\n" % (server.port, server.port)
        )
        assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\n")
        assert b"proxy-authorization" not in server.requests[0]
        await client.close()
        await until(lambda: proxy.open == 0 and server.open == 0)


async def test_http_uses_the_absolute_form(make_client: MakeClient, identity: Identity) -> None:
    async with MisbehavingServer(always(OK)) as proxy:
        client = through(proxy, make_client, identity)
        for _ in range(2):
            await fetch(client, request("http://model.example:8000", b"/v1?a=b", body=b"hello"))
        assert proxy.accepted == 1
        assert proxy.requests[1] == (
            b"POST http://model.example:8000/v1?a=b HTTP/1.1\r\nproxy-authorization: Basic dXNlcjp3b3Jk\r\n"
            b"host: model.example:8000\r\ncontent-length: 5\r\n\r\nhello"
        )


async def test_the_upstream_is_still_verified(
    make_client: MakeClient, identity: Identity, stranger: Identity
) -> None:
    async with (
        MisbehavingServer(forward) as proxy,
        MisbehavingServer(always(OK), tls=stranger.server_context()) as server,
    ):
        client = through(proxy, make_client, identity)
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.TLS, Phase.CONNECT)
        await until(lambda: client.stats().open == 0 and proxy.open == 0)


BAD: list[tuple[str, Script, FailureKind]] = [
    ("refuses", always(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), FailureKind.PROXY),
    ("answers nonsense", closes(b"what?\r\n\r\n"), FailureKind.PROXY),
    ("speaks for the upstream", always(ESTABLISHED + b"x"), FailureKind.PROXY),
    ("closes", closes(), FailureKind.PROXY),
    ("resets", resets(), FailureKind.PROXY),
    ("has an endless head", endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000), FailureKind.PROXY),
    ("is silent", silence, FailureKind.CONNECT_TIMEOUT),
    ("opens a tunnel to nowhere", stalls(ESTABLISHED), FailureKind.CONNECT_TIMEOUT),
    ("closes the tunnel", closes(ESTABLISHED), FailureKind.RESET),
]


@pytest.mark.parametrize(("name", "script", "kind"), BAD, ids=[case[0] for case in BAD])
async def test_a_proxy_that(
    make_client: MakeClient, identity: Identity, name: str, script: Script, kind: FailureKind
) -> None:
    async with MisbehavingServer(script) as proxy:
        client = through(proxy, make_client, identity)
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request("https://localhost:1"), limits_to_see(kind))
        assert (failed.value.kind, failed.value.phase) == (kind, Phase.CONNECT)
        await until(lambda: client.stats().open == 0 and proxy.open == 0)


async def test_a_proxy_that_is_not_there(make_client: MakeClient, identity: Identity) -> None:
    with refusing() as port:
        client = through(port, make_client, identity)
        for url in ("https://localhost:1", "http://localhost:1"):
            with pytest.raises(UpstreamFailed) as failed:
                await client.send(request(url), PATIENT)
            assert failed.value.kind is FailureKind.PROXY
            assert isinstance(failed.value.__cause__, ConnectionRefusedError)
        assert client.stats().open == 0


@pytest.mark.parametrize("script", [silence, stalls(ESTABLISHED)], ids=["asking", "securing"])
async def test_cancelled_while_opening_a_tunnel(
    make_client: MakeClient, identity: Identity, script: Script
) -> None:
    async with MisbehavingServer(script) as proxy:
        client = through(proxy, make_client, identity)
        task = asyncio.create_task(client.send(request("https://localhost:1"), PATIENT))
        await until(lambda: proxy.open == 1)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client.stats().open == 0 and proxy.open == 0)


async def test_a_bypassed_origin_is_reached_directly(make_client: MakeClient, identity: Identity) -> None:
    with refusing() as port:
        client = through(port, make_client, identity)
        async with MisbehavingServer(always(OK)) as server:
            proxies = Proxies.from_mapping(
                {"http_proxy": f"http://127.0.0.1:{port}", "no_proxy": "127.0.0.0/8"}
            )
            client = make_client(proxies=proxies, limits=Limits())
            _, body = await fetch(client, request(server.url))
            assert body == b"ok"
