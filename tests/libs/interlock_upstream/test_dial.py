"""Opening connections: several addresses, one time limit, and the kinds of failure."""

import asyncio
import socket

import pytest

from interlock_testing.misbehave import MisbehavingServer, always, refusing, unanswering
from interlock_upstream import (
    FailureKind,
    HttpClient,
    Limits,
    Origin,
    Phase,
    PhaseLimits,
    Proxies,
    TlsOptions,
    UpstreamFailed,
    UpstreamRequest,
)
from interlock_upstream.dial import Dialer
from interlock_upstream.pool import Pool
from interlock_upstream.resolver import Resolver
from tests.libs.interlock_upstream.support import OK, PATIENT, fetch, request, until


class FixedAddresses(Resolver):
    """Every name has the same addresses."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self._addresses = list(addresses)

    async def resolve(self, host: str, port: int) -> list[str]:
        return list(self._addresses)


async def dial(resolver: Resolver, port: int, connect_s: float = 30.0) -> None:
    loop = asyncio.get_running_loop()
    limits = Limits()
    pool = Pool(limits)
    origin = Origin("http", "model.example", port)
    connection = pool.open((origin, ""), loop)
    try:
        await Dialer(limits, TlsOptions(), Proxies(), resolver).dial(origin, connection, connect_s)
        assert connection.usable()
    finally:
        await pool.close()


async def test_a_name_with_several_addresses(client: HttpClient) -> None:
    """localhost is ::1 first on most systems, and the server listens on 127.0.0.1 alone."""
    async with MisbehavingServer(always(OK)) as server:
        _, body = await fetch(client, request(f"http://localhost:{server.port}"))
        assert body == b"ok"


async def test_the_next_address_is_tried(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        await dial(FixedAddresses("127.0.0.2", "127.0.0.3", "127.0.0.1"), server.port)
        await until(lambda: server.accepted == 1)


async def test_an_address_that_does_not_answer_has_its_share_of_the_time() -> None:
    with unanswering() as port:
        listener = socket.create_server(("127.0.0.2", port))
        with listener:
            await dial(FixedAddresses("127.0.0.1", "127.0.0.2"), port, connect_s=4.0)


async def test_the_last_address_names_the_failure() -> None:
    with refusing() as port, pytest.raises(UpstreamFailed) as failed:
        await dial(FixedAddresses("127.0.0.2", "127.0.0.3", "127.0.0.1"), port)
    assert (failed.value.kind, failed.value.phase) == (FailureKind.REFUSED, Phase.CONNECT)


async def test_a_name_without_addresses(client: HttpClient) -> None:
    """An empty label cannot be asked for, so no name server is."""
    for host in ("model..example", "x" * 64 + ".example"):
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(UpstreamRequest(Origin("http", host, 80), b"GET / HTTP/1.1\r\n\r\n"), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.DNS, Phase.CONNECT)
    assert client.stats().open == 0


async def test_an_unreachable_network(client: HttpClient) -> None:
    """The kernel refuses to route a multicast address by TCP."""
    with pytest.raises(UpstreamFailed) as failed:
        await client.send(request("http://224.0.0.1:80"), PATIENT)
    assert (failed.value.kind, failed.value.phase) == (FailureKind.UNREACHABLE, Phase.CONNECT)


async def test_no_time_at_all(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url), PhaseLimits(connect_s=0.0, headers_s=1.0))
        assert (failed.value.kind, failed.value.phase) == (FailureKind.CONNECT_TIMEOUT, Phase.CONNECT)
        await until(lambda: client.stats().open == 0 and server.open == 0)
