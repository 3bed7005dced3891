"""What every state feed must do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol, cast

from interlock_feed.feed import FeedPublisher, FeedReader, FeedUpdate
from interlock_testing.contracts.eventlog import PATIENCE_S
from interlock_testing.contracts.samples import commit_row


class Feed(FeedPublisher, FeedReader, Protocol):
    """Both ends of one feed."""


class Tail:
    """One reader's updates, each awaited with a deadline."""

    def __init__(self, updates: AsyncIterator[FeedUpdate], patience_s: float) -> None:
        self._updates = updates
        self._patience_s = patience_s

    async def next(self) -> FeedUpdate:
        """The next update."""
        async with asyncio.timeout(self._patience_s):
            return await anext(self._updates)


@asynccontextmanager
async def tailing(reader: FeedReader, *, patience_s: float = PATIENCE_S) -> AsyncIterator[Tail]:
    """A tail that is closed on leaving."""
    async with aclosing(cast("AsyncGenerator[FeedUpdate, None]", reader.tail())) as updates:
        yield Tail(updates, patience_s)


class FeedContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[Feed]:
        """A new, empty feed that is closed on leaving."""
        raise NotImplementedError

    async def test_a_new_reader_gets_the_whole_table_first(self) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(1), {"a": b"1", "b": b"1"})
            await feed.publish(commit_row(2), {"a": None, "c": b"2"})
            async with tailing(feed) as tail:
                assert await tail.next() == FeedUpdate(
                    commit=commit_row(2), rows={"b": b"1", "c": b"2"}, whole=True
                )

    async def test_then_each_commit_brings_only_what_changed_and_what_went(self) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(1), {"a": b"1", "b": b"1"})
            async with tailing(feed) as tail:
                await tail.next()
                await feed.publish(commit_row(2), {"a": b"2"})
                assert await tail.next() == FeedUpdate(commit=commit_row(2), rows={"a": b"2"})
                await feed.publish(commit_row(3), {"b": None})
                assert await tail.next() == FeedUpdate(commit=commit_row(3), rows={"b": None})

    async def test_given_a_reader_before_the_first_commit_then_it_waits_for_it(self) -> None:
        async with self.opened() as feed, tailing(feed) as tail:
            first = asyncio.create_task(tail.next())
            await asyncio.sleep(0)
            assert not first.done()
            await feed.publish(commit_row(1), {"a": b"1"})
            assert await first == FeedUpdate(commit=commit_row(1), rows={"a": b"1"}, whole=True)

    async def test_given_a_slow_reader_then_commits_are_merged_into_the_newest(self) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(1), {"a": b"1", "b": b"1"})
            async with tailing(feed) as tail:
                await tail.next()
                await feed.publish(commit_row(2), {"a": b"2"})
                await feed.publish(commit_row(3), {"a": b"3", "c": b"3"})
                await feed.publish(commit_row(4), {"c": None})
                assert await tail.next() == FeedUpdate(commit=commit_row(4), rows={"a": b"3", "c": None})

    async def test_a_commit_without_changes_is_seen_too(self) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(5), {"a": b"1"})
            async with tailing(feed) as tail:
                await tail.next()
                await feed.publish(commit_row(5), {})
                assert await tail.next() == FeedUpdate(commit=commit_row(5), rows={})

    async def test_given_a_lower_commit_of_the_generation_then_nobody_sees_it(self) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(5, epoch=2), {"a": b"5"})
            async with tailing(feed) as tail:
                await tail.next()
                await feed.publish(commit_row(4, epoch=2), {"a": b"4"})
                await feed.publish(commit_row(9, epoch=1), {"a": b"zombie"})
                await feed.publish(commit_row(6, epoch=2), {"b": b"6"})
                assert await tail.next() == FeedUpdate(commit=commit_row(6, epoch=2), rows={"b": b"6"})

    async def test_given_a_higher_generation_then_a_lower_position_is_accepted_and_never_the_way_back(
        self,
    ) -> None:
        async with self.opened() as feed:
            await feed.publish(commit_row(50, generation=1), {"a": b"1"})
            async with tailing(feed) as tail:
                await tail.next()
                await feed.publish(commit_row(1, generation=2), {"a": b"2"})
                assert (await tail.next()).commit == commit_row(1, generation=2)
                await feed.publish(commit_row(60, generation=1), {"a": b"old"})
                await feed.publish(commit_row(2, generation=2), {})
                assert await tail.next() == FeedUpdate(commit=commit_row(2, generation=2), rows={})

    async def test_any_reader_who_starts_anywhere_ends_with_the_same_table(self) -> None:
        async with self.opened() as feed:
            finals: list[dict[str, bytes]] = []

            async def follow(tail: Tail) -> None:
                table: dict[str, bytes] = {}
                position = 0
                while position < 40:
                    update = await tail.next()
                    assert update.commit.position >= position
                    position = update.commit.position
                    merged = update.rows if update.whole else {**table, **update.rows}
                    table = {key: row for key, row in merged.items() if row is not None}
                finals.append(table)

            async with tailing(feed) as one, tailing(feed) as two, tailing(feed) as three:
                readers = [asyncio.create_task(follow(one))]
                for position in range(1, 41):
                    if position in {10, 30}:
                        readers.append(asyncio.create_task(follow(two if position == 10 else three)))
                    row = None if position % 3 == 0 else str(position).encode()
                    await feed.publish(commit_row(position), {f"k{position % 7}": row})
                await asyncio.gather(*readers)
            assert finals[0] == finals[1] == finals[2]
            assert finals[0]["k5"] == b"40"
