"""The pool: bounded, last in first out, expiring, and exact in what it counts."""

import asyncio

import pytest

from interlock_testing.misbehave import MisbehavingServer, Peer, always, stalls
from interlock_upstream import FailureKind, HttpClient, KeyStats, Limits, Origin, Phase, UpstreamFailed
from tests.libs.interlock_upstream.support import IDLE_S, MANY, OK, PATIENT, fetch, request, until


async def test_the_bound_is_per_key_and_told_at_once(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(max_connections=2))
    async with MisbehavingServer(stalls(OK[:-1])) as server:
        held = [await client.send(request(server.url, pool_key="a"), PATIENT) for _ in range(2)]
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(request(server.url, pool_key="a"), PATIENT)
        assert (failed.value.kind, failed.value.phase) == (FailureKind.POOL_EXHAUSTED, Phase.CONNECT)
        held.append(await client.send(request(server.url, pool_key="b"), PATIENT))
        origin, _ = Origin.parse(server.url)
        assert client.stats().by_key == {(origin, "a"): KeyStats(2, 0), (origin, "b"): KeyStats(1, 0)}
        assert (client.stats().open, client.stats().idle, client.stats().in_use) == (3, 0, 3)
        assert client.stats().by_key[origin, "a"].in_use == 2
        for response in held:
            response.release()
        await until(lambda: client.stats().open == 0)
        assert client.stats().by_key == {}


async def test_connections_being_opened_count(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(max_connections=3))
    async with MisbehavingServer(always(OK)) as server:
        results = await asyncio.gather(
            *(fetch(client, request(server.url)) for _ in range(10)), return_exceptions=True
        )
        assert sum(isinstance(result, UpstreamFailed) for result in results) == 7
        assert server.accepted == 3


async def test_a_bound_that_was_reached_opens_again(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(max_connections=1))
    async with MisbehavingServer(always(OK)) as server:
        for _ in range(5):
            await fetch(client, request(server.url))
        assert server.accepted == 1


async def test_keys_do_not_share_connections(client: HttpClient) -> None:
    async with MisbehavingServer(always(OK)) as server:
        for key in ("a", "b", "a", "b"):
            await fetch(client, request(server.url, pool_key=key))
        assert server.accepted == 2


async def test_the_last_one_used_is_used_next(client: HttpClient) -> None:
    seen: list[int] = []

    async def script(peer: Peer) -> None:
        number = server.accepted
        while True:
            await peer.request()
            seen.append(number)
            await peer.send(OK)

    async with MisbehavingServer(script) as server:
        first = await client.send(request(server.url), PATIENT)
        second = await client.send(request(server.url), PATIENT)
        await until(lambda: first.complete and second.complete)
        first.release()
        second.release()
        for _ in range(3):
            await fetch(client, request(server.url))
        assert seen == [1, 2, 2, 2, 2]


async def test_unused_connections_expire(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(idle_expiry_s=0.2))
    loop = asyncio.get_running_loop()
    async with MisbehavingServer(always(OK)) as server:
        began = loop.time()
        await asyncio.gather(*(fetch(client, request(server.url)) for _ in range(3)))
        assert server.accepted == 3
        await until(lambda: client.stats().open == 0 and server.open == 0)
        assert loop.time() >= began + 0.2


async def test_each_connection_expires_at_its_own_time(make_client) -> None:
    client: HttpClient = make_client(limits=Limits(idle_expiry_s=50.0))
    pool, loop = client._pool, asyncio.get_running_loop()
    async with MisbehavingServer(always(OK)) as server:
        first = await client.send(request(server.url), PATIENT)
        second = await client.send(request(server.url, pool_key="other"), PATIENT)
        await until(lambda: first.complete and second.complete)
        first.release()
        second.release()
        origin, _ = Origin.parse(server.url)
        (older,) = pool._buckets[origin, ""].members
        (younger,) = pool._buckets[origin, "other"].members
        older.idle_since, younger.idle_since = loop.time() - 50.0, loop.time() - 30.0
        pool._close_expired(loop)
        await until(lambda: client.stats().open == 1)
        assert client.stats().by_key == {(origin, "other"): KeyStats(1, 1)}
        assert pool._sweep is not None
        assert pool._sweep.when() == pytest.approx(younger.idle_since + 50.0, abs=5.0)
        younger.idle_since = loop.time() - 50.0
        pool._close_expired(loop)
        await until(lambda: client.stats().open == 0)


async def test_expiry_spares_the_ones_in_use(make_client) -> None:
    """One connection works on while two expire: the sweep looks at each of them by its own time."""
    client: HttpClient = make_client(limits=Limits(idle_expiry_s=50.0))
    pool, loop = client._pool, asyncio.get_running_loop()
    async with MisbehavingServer(always(OK)) as server:
        await asyncio.gather(*(fetch(client, request(server.url)) for _ in range(3)))
        working = await client.send(request(server.url), PATIENT)
        (bucket,) = pool._buckets.values()
        for connection in bucket.members:
            connection.idle_since = loop.time() - 50.0
        pool._close_expired(loop)
        await until(lambda: client.stats().open == 1)
        assert await working.read(MANY, IDLE_S) == b"ok"
        working.release()
        await fetch(client, request(server.url))
        assert (server.accepted, client.stats().open) == (3, 1)


async def test_an_expired_connection_is_not_handed_out(make_client) -> None:
    """The loop was blocked past the expiry: the sweep has not run, the request comes first."""
    client: HttpClient = make_client(limits=Limits(idle_expiry_s=50.0))
    async with MisbehavingServer(always(OK)) as server:
        await asyncio.gather(*(fetch(client, request(server.url)) for _ in range(2)))
        assert client.stats().idle == 2
        key = (Origin.parse(server.url)[0], "")
        assert client._pool.take(key, asyncio.get_running_loop().time() + 51.0) is None
        await until(lambda: client.stats().open == 0 and server.open == 0)


async def test_a_connection_closed_by_the_peer_while_idle_is_forgotten(client: HttpClient) -> None:
    leave = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await leave.wait()

    async with MisbehavingServer(script) as server:
        await asyncio.gather(*(fetch(client, request(server.url, resendable=False)) for _ in range(3)))
        assert client.stats().idle == 3
        leave.set()
        await until(lambda: client.stats().open == 0)
        await fetch(client, request(server.url, resendable=False))
        assert server.accepted == 4
