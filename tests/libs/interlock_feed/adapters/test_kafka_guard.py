"""A replaced owner wakes up and writes: its rows do not survive, not even a compaction."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from interlock_feed.adapters.kafka import KafkaFeed
from interlock_feed.adapters.kafka_guard import StateGuard
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_testing.contracts.feed import tailing
from interlock_testing.services.kafka import KafkaService
from interlock_testing.waiting import until
from tests.libs.interlock_feed.adapters.feeding import closing, table
from tests.libs.interlock_feed.adapters.topic import raw, until_compacted

DEADLINE_S = 30.0


class Owner:
    """One projector, as far as the feed goes: its rows, what waits for publication, its guard."""

    def __init__(self, connection: KafkaConnection, topics: Topics, epoch: int) -> None:
        self.feed = KafkaFeed(connection, topics, send_s=30.0)
        self.epoch = epoch
        self.rows: dict[str, bytes] = {}
        self.waiting: dict[str, bytes | None] = {}
        self.position = 0
        self.guard = StateGuard(
            connection, topics, generation=1, epoch=epoch, rows=lambda: self.rows, again=self.again
        )

    def set(self, changes: Mapping[str, bytes]) -> None:
        self.rows |= changes
        self.waiting |= changes

    def again(self, rows: Mapping[str, bytes | None]) -> None:
        self.waiting |= rows

    async def publish(self) -> None:
        """Everything that waits, and a commit also when nothing does."""
        self.position += 1
        waiting, self.waiting = self.waiting, {}
        await self.feed.publish(closing(self.rows, self.position, epoch=self.epoch), waiting)

    @asynccontextmanager
    async def guarding(self) -> AsyncIterator[asyncio.Task[None]]:
        watching = asyncio.create_task(self.guard.run())
        try:
            yield watching
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


@pytest.fixture
def connection(kafka: KafkaService) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


@pytest.fixture
async def owners(connection: KafkaConnection, topics: Topics) -> AsyncIterator[tuple[Owner, Owner]]:
    """The one that is paused and replaced, and its successor, who has taken over."""
    old, new = Owner(connection, topics, 1), Owner(connection, topics, 2)
    old.set({"a": b"1", "b": b"1", "gone": b"1"})
    await old.publish()
    new.rows, new.position = {"a": b"2", "b": b"1"}, 1
    new.waiting = await new.guard.left_over()
    assert new.waiting == {"a": b"2", "gone": None}
    await new.publish()
    yield old, new
    await old.feed.close()
    await new.feed.close()


async def wake_up(old: Owner) -> None:
    """The replaced owner publishes what it was about to, and more of it than it may."""
    old.set({"a": b"zombie", "new": b"zombie"})
    await old.publish()


async def repaired(new: Owner) -> None:
    """The successor publishes, and its guard notices, until nothing is left to repair."""

    async def done() -> bool:
        await new.publish()
        return new.guard.repaired >= 2 and not new.waiting

    await until(done, timeout_s=DEADLINE_S, what="the repair")
    await new.publish()


async def test_given_a_replaced_owner_that_writes_then_new_readers_see_none_of_it_even_after_a_compaction(
    connection: KafkaConnection, topics: Topics, owners: tuple[Owner, Owner]
) -> None:
    old, new = owners
    async with new.guarding():
        await wake_up(old)
        await repaired(new)
        await until_compacted(connection, topics, "a", busy=new.publish)
    assert [(value, epoch) for key, value, epoch in await raw(connection, topics) if key == "a"] == [
        (b"2", "2")
    ]
    async with tailing(new.feed) as tail:
        update = await tail.next()
        assert table(update) == {"a": b"2", "b": b"1"}
        assert update.commit.epoch == 2


async def test_given_nobody_who_repairs_then_after_a_compaction_a_new_reader_waits_and_is_told_nothing_wrong(
    connection: KafkaConnection, topics: Topics, owners: tuple[Owner, Owner]
) -> None:
    old, new = owners
    await wake_up(old)
    await until_compacted(connection, topics, "a", busy=new.publish)
    async with tailing(new.feed) as tail:
        first = asyncio.create_task(tail.next())
        async with new.guarding():
            await repaired(new)
            assert table(await first) == {"a": b"2", "b": b"1"}


async def test_given_a_reader_that_tails_when_the_replaced_owner_writes_then_it_sees_none_of_it(
    owners: tuple[Owner, Owner],
) -> None:
    old, new = owners
    async with tailing(new.feed) as tail:
        assert table(await tail.next()) == {"a": b"2", "b": b"1"}
        await wake_up(old)
        await new.publish()
        update = await tail.next()
        assert (update.commit.epoch, update.rows) == (2, {})


async def test_given_a_take_over_after_such_writing_then_what_is_left_over_is_found(
    connection: KafkaConnection, topics: Topics, owners: tuple[Owner, Owner]
) -> None:
    old, new = owners
    await wake_up(old)
    third = Owner(connection, topics, 3)
    third.rows = dict(new.rows)
    assert await third.guard.left_over() == {"a": b"2", "new": None}


async def test_given_a_newer_owner_then_the_guard_of_the_replaced_one_ends(
    owners: tuple[Owner, Owner],
) -> None:
    old, new = owners
    async with old.guarding() as watching, asyncio.timeout(DEADLINE_S):
        while not watching.done():
            await new.publish()
            await asyncio.sleep(0.05)
    assert watching.exception() is None
    assert old.waiting == {}


async def test_given_records_of_its_own_then_the_guard_reports_nothing(
    owners: tuple[Owner, Owner],
) -> None:
    old, new = owners
    async with new.guarding():
        new.set({"b": b"3"})
        await new.publish()
        new.rows["b"] = b"4"
        await wake_up(old)
        await repaired(new)
    assert new.guard.repaired == 2
