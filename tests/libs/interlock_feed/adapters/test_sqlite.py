"""The feed in SQLite keeps the contract, outlives the process and is readable by another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from interlock_feed.adapters.sqlite import POLL_S, SqliteFeed
from interlock_feed.feed import FeedUpdate
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.contracts.feed import FeedContract, tailing
from interlock_testing.contracts.samples import commit_row


@asynccontextmanager
async def feed_in(folder: Path, *, read_only: bool = False) -> AsyncIterator[SqliteFeed]:
    database = SqliteDatabase(folder / "interlock.db", read_only=read_only)
    try:
        yield SqliteFeed(database)
    finally:
        await database.close()


class TestSqliteFeed(FeedContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqliteFeed]:
        with TemporaryDirectory() as folder:
            async with feed_in(Path(folder)) as feed:
                yield feed


async def test_given_a_closed_feed_when_opened_again_then_the_table_is_there_and_goes_on(tmp_path):
    async with feed_in(tmp_path) as feed:
        await feed.publish(commit_row(1), {"a": b"1", "b": b"1"})
        await feed.publish(commit_row(2), {"b": None})
    async with feed_in(tmp_path) as feed, tailing(feed) as tail:
        assert await tail.next() == FeedUpdate(commit=commit_row(2), rows={"a": b"1"}, whole=True)
        await feed.publish(commit_row(1), {"a": b"older"})
        await feed.publish(commit_row(3), {"b": b"3"})
        assert await tail.next() == FeedUpdate(commit=commit_row(3), rows={"b": b"3"})


async def test_given_another_process_that_only_reads_then_it_follows_by_polling(tmp_path):
    async with feed_in(tmp_path) as feed:
        await feed.publish(commit_row(1), {"a": b"1"})
        async with feed_in(tmp_path, read_only=True) as beside, tailing(beside) as tail:
            assert await tail.next() == FeedUpdate(commit=commit_row(1), rows={"a": b"1"}, whole=True)
            following = asyncio.create_task(tail.next())
            assert not (await asyncio.wait([following], timeout=POLL_S / 2))[0]
            await feed.publish(commit_row(2), {"a": None})
            assert await following == FeedUpdate(commit=commit_row(2), rows={"a": None})
