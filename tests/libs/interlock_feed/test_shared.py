"""One reading for many: each follower gets what he lacks, whole or as a difference, and nothing older."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.feed import FeedUpdate
from interlock_feed.shared import SharedFeed
from interlock_testing.contracts.feed import Tail
from interlock_testing.waiting import until
from tests.libs.interlock_feed.adapters.feeding import closing, table

PATIENCE_S = 20.0


@asynccontextmanager
async def shared(*, places: int = 4_096) -> AsyncIterator[tuple[MemoryFeed, SharedFeed]]:
    feed = MemoryFeed()
    one = SharedFeed(feed, places=places)
    try:
        yield feed, one
    finally:
        await one.close()


def following(one: SharedFeed, after: tuple[int, int] | None = None, *, whole: bool = False) -> Tail:
    return Tail(one.tail(after, whole=whole), PATIENCE_S)


async def publish(feed: MemoryFeed, position: int, *, generation: int = 1, **rows: bytes | None) -> None:
    held = {key: row for key, row in rows.items() if row is not None}
    await feed.publish(closing(held, position, generation=generation), rows)


async def test_who_comes_back_with_a_version_gets_what_changed_and_went_since():
    async with shared() as (feed, one):
        await publish(feed, 1, a=b"1", b=b"1", c=b"1")
        everything = following(one)
        assert table(await everything.next()) == {"a": b"1", "b": b"1", "c": b"1"}
        await publish(feed, 5, b=b"5")
        await everything.next()
        await publish(feed, 9, c=None)
        await everything.next()
        update = await following(one, (1, 5)).next()
        assert (update.whole, update.rows, update.commit.position) == (False, {"c": None}, 9)
        between = await following(one, (1, 7)).next()
        assert (between.whole, between.rows) == (False, {"c": None}), "nobody published 7: 5 is the nearest"
        assert table(await following(one, (1, 5), whole=True).next()) == {"a": b"1", "b": b"5"}


async def test_who_holds_the_newest_is_told_at_once_that_it_is():
    async with shared() as (feed, one):
        await publish(feed, 3, a=b"1")
        await following(one).next()
        update = await following(one, (1, 3)).next()
        assert (update.rows, update.whole, update.commit.position) == ({}, False, 3)


@pytest.mark.parametrize("after", [(1, 4), (2, 1)])
async def test_who_holds_a_newer_one_waits_until_this_reading_has_come_so_far(after):
    async with shared() as (feed, one):
        await publish(feed, 3, a=b"3")
        await following(one).next()
        first = asyncio.create_task(following(one, after).next())
        await following(one).next()
        assert not first.done()
        await publish(feed, 9, generation=after[0], a=b"9")
        assert (await first).commit.position == 9


async def test_a_higher_generation_is_told_whole_to_whoever_held_the_one_before():
    async with shared() as (feed, one):
        await publish(feed, 30, a=b"1", b=b"1")
        tail = following(one)
        await tail.next()
        await feed.publish(closing({"a": b"2"}, 2, generation=2), {"a": b"2", "b": None})
        assert table(await tail.next()) == {"a": b"2"}
        assert table(await following(one, (1, 30)).next()) == {"a": b"2"}


async def test_who_comes_back_from_too_long_ago_gets_the_whole_table():
    async with shared(places=4) as (feed, one):
        await publish(feed, 1, gone=b"1", kept=b"1")
        tail = following(one)
        await tail.next()
        await publish(feed, 2, gone=None)
        for position in range(3, 20):
            await tail.next()
            await publish(feed, position, moving=b"%d" % position)
        await tail.next()
        update = await following(one, (1, 1)).next()
        assert table(update) == {"kept": b"1", "moving": b"19"}


class Reread:
    """A source that tells its whole table again and again, as after outages."""

    def __init__(self, tables: list[dict[str, bytes]]) -> None:
        self._tables = tables
        self.told = 0

    async def tail(self) -> AsyncIterator[FeedUpdate]:
        for position, rows in enumerate(self._tables[self.told :], start=self.told + 1):
            self.told = position
            yield FeedUpdate(commit=closing(rows, position), rows={**rows}, whole=True)
            if position < len(self._tables):
                await asyncio.sleep(0)
        await asyncio.Event().wait()


tables = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([b"1", b"2", b"3"]))


@given(st.lists(tables, min_size=1, max_size=6), st.integers(0, 6))
async def test_whatever_was_read_anew_a_follower_ends_with_the_last_table(found, held_at):
    source = Reread(found)
    one = SharedFeed(source)
    held_at = min(held_at, len(found))
    held = dict(found[held_at - 1]) if held_at else {}
    first = following(one)
    try:
        await first.next()
        await until(lambda: source.told == len(found), timeout_s=PATIENCE_S, what="all tables to be read")
        update = await following(one, (1, held_at) if held_at else None).next()
        merged = dict(update.rows) if update.whole else {**held, **update.rows}
        assert {key: row for key, row in merged.items() if row is not None} == found[-1]
    finally:
        await one.close()


async def test_a_source_that_fails_is_said_once_and_what_is_held_goes_on_being_told(caplog):
    class Failing:
        tries = 0

        async def tail(self) -> AsyncIterator[FeedUpdate]:
            self.tries += 1
            if self.tries == 1:
                yield FeedUpdate(commit=closing({"a": b"1"}, 1), rows={"a": b"1"}, whole=True)
            raise OSError("gone")

    one = SharedFeed(Failing())
    try:
        assert table(await following(one).next()) == {"a": b"1"}
        await until(lambda: "gone" in caplog.text, timeout_s=PATIENCE_S, what="a word about it")
        assert table(await following(one).next()) == {"a": b"1"}
    finally:
        await one.close()
