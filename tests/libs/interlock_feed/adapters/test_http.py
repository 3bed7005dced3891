"""The feed over HTTP keeps the contract, through control planes that go, lag behind and tell nonsense."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
import pytest

from interlock_domain.rows import CLUSTER_KEY, CommitRow
from interlock_feed.adapters.http import HttpFeed
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.feed import FeedUpdate
from interlock_feed.order import follows
from interlock_runtime.listen import PortRefused, listen_on
from interlock_testing.contracts.digests import Digested
from interlock_testing.contracts.feed import FeedContract, tailing
from interlock_testing.waiting import free_port, until
from tests.libs.interlock_feed.adapters.feeding import closing, table
from tests.services.over_http import TOKEN, over_http

DEADLINE_S = 30.0


class Ends:
    """Both ends; a publish is over when all who follow have it, as it is where both are one process."""

    def __init__(self, url: str, feed: MemoryFeed) -> None:
        self._url = url
        self._feed = feed
        self._newest: CommitRow | None = None
        self._followers: list[HttpFeed] = []

    async def publish(self, commit: CommitRow, rows: Mapping[str, bytes | None]) -> None:
        await self._feed.publish(commit, rows)
        if follows(commit, self._newest):
            self._newest = commit
            await until(self._arrived, timeout_s=DEADLINE_S, what=f"position {commit.position} to arrive")

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        follower = HttpFeed(self._url, TOKEN)
        self._followers.append(follower)
        try:
            async for update in follower.tail():
                yield update
        finally:
            self._followers.remove(follower)

    def _arrived(self) -> bool:
        return all(one.newest == self._newest for one in self._followers)


class TestHttpFeed(FeedContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Digested]:
        async with over_http() as control:
            ends = Ends(control.url, control.feed)
            yield Digested(ends, ends)


async def test_given_a_control_plane_that_goes_and_comes_then_only_the_difference_is_told(caplog):
    port, feed = free_port(), MemoryFeed()
    await feed.publish(closing({"a": b"1", "b": b"1"}, 1), {"a": b"1", "b": b"1"})
    async with tailing(HttpFeed(f"http://127.0.0.1:{port}", TOKEN), patience_s=DEADLINE_S) as tail:
        async with over_http(feed=feed, port=port):
            assert table(await tail.next()) == {"a": b"1", "b": b"1"}
        later = asyncio.create_task(tail.next())
        await until(lambda: "what is held stays" in caplog.text, timeout_s=DEADLINE_S, what="a word about it")
        await feed.publish(closing({"a": b"2", "b": b"1"}, 2), {"a": b"2"})
        async with over_http(feed=feed, port=port):
            update = await later
    assert (update.commit.position, update.rows["a"]) == (2, b"2")
    assert caplog.text.count("what is held stays") <= 2, "once an outage"


async def test_given_another_control_plane_that_lags_behind_then_nothing_older_is_told():
    port, ahead, behind = free_port(), MemoryFeed(), MemoryFeed()
    await ahead.publish(closing({"a": b"9"}, 9), {"a": b"9"})
    await behind.publish(closing({"a": b"3"}, 3), {"a": b"3"})
    async with tailing(HttpFeed(f"http://127.0.0.1:{port}", TOKEN), patience_s=DEADLINE_S) as tail:
        async with over_http(feed=ahead, port=port):
            assert (await tail.next()).commit.position == 9
        async with over_http(feed=behind, port=port) as control:
            later = asyncio.create_task(tail.next())
            # Whoever holds less is told at once: when he is, the other one has been passed over.
            async with tailing(HttpFeed(control.url, TOKEN), patience_s=DEADLINE_S) as fresh:
                assert (await fresh.next()).commit.position == 3
            assert not later.done()
            await behind.publish(closing({"a": b"10"}, 10), {"a": b"10"})
            update = await later
    assert (update.commit.position, update.rows["a"]) == (10, b"10")


async def test_given_rows_that_are_not_the_promised_ones_then_the_table_is_asked_for_and_the_last_one_stays(
    caplog,
):
    rows, wrong = {"a": b"1"}, {"a": b"1", "lost": b"2"}
    async with over_http() as control:
        await control.feed.publish(closing(rows, 1), rows)
        reader = HttpFeed(control.url, TOKEN, repair_s=0.05)
        async with tailing(reader, patience_s=DEADLINE_S) as tail:
            assert table(await tail.next()) == rows
            later = asyncio.create_task(tail.next())
            position = 1

            async def said() -> bool:
                nonlocal position
                position += 1
                await control.feed.publish(closing(wrong, position), {})
                return "asking for the whole table" in caplog.text

            await until(said, timeout_s=DEADLINE_S, what="a wrong table to be noticed")
            assert not later.done()
            await control.feed.publish(closing(wrong, position + 1), {"lost": b"2"})
            update = await later
    assert (update.commit.position, update.rows["lost"]) == (position + 1, b"2")


async def test_the_cluster_key_travels_to_our_gateways_and_stands_outside_of_the_digest():
    async with over_http() as control:
        await control.feed.publish(closing({"a": b"1"}, 1), {"a": b"1", CLUSTER_KEY: b'{"key":"a2V5"}'})
        async with tailing(HttpFeed(control.url, TOKEN), patience_s=DEADLINE_S) as tail:
            assert table(await tail.next())[CLUSTER_KEY] == b'{"key":"a2V5"}'


async def test_without_the_token_it_says_which_setting_is_missing(caplog):
    async with over_http() as control, tailing(HttpFeed(control.url)) as tail:
        first = asyncio.create_task(tail.next())
        await until(lambda: "INTERLOCK_ADMIN_TOKEN" in caplog.text, timeout_s=DEADLINE_S, what="a sentence")
        assert not first.done()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begins a stream and says nothing more."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1000\n\n")
    await writer.drain()
    await reader.read()
    writer.close()


@pytest.mark.parametrize("nonsense", [b"event: row\ndata: {}\n\n", b"event: _commit\ndata: \xff\n\n"])
async def test_given_a_stream_of_nonsense_then_it_is_said_and_the_follower_comes_back(nonsense, caplog):
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + nonsense)
        writer.close()

    await _followed(talks, caplog, "cannot be read")


async def test_given_a_connection_that_fell_silent_then_it_is_given_up(caplog):
    await _followed(silent, caplog, "what is held stays", silent_s=0.2)


async def _followed(talks, caplog, said: str, **options: float) -> None:
    listening = listen_on("127.0.0.1", 0)
    assert not isinstance(listening, PortRefused)
    came = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await talks(reader, writer)

    server = await asyncio.start_server(counted, sock=listening)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with server, tailing(HttpFeed(url, **options)) as tail:  # type: ignore[arg-type]
        first = asyncio.create_task(tail.next())
        await until(lambda: came >= 2 and said in caplog.text, timeout_s=DEADLINE_S, what="another try")
        assert not first.done()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_an_open_feed_does_not_hold_up_the_end_of_a_control_plane():
    async with httpx2.AsyncClient(trust_env=False) as client:
        async with over_http() as control:
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = await client.send(
                client.build_request("GET", f"{control.url}/admin/v1/feed", headers=headers), stream=True
            )
            pieces = answer.aiter_bytes()
            assert await anext(pieces) == b"retry: 1000\n\n"
            control.plane.stopping.set()
            async with asyncio.timeout(DEADLINE_S):
                assert [piece async for piece in pieces] == []
        await answer.aclose()
