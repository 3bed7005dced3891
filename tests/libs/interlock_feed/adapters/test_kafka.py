"""The feed on a compacted topic keeps the contract, and starts right whatever became of the topic."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from interlock_feed.adapters.kafka import KafkaFeed
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_testing.contracts.digests import Digested
from interlock_testing.contracts.feed import FeedContract, tailing
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.kafka import KafkaService
from interlock_testing.services.tiers import LocalKafka
from interlock_testing.waiting import until
from tests.libs.interlock_feed.adapters.feeding import closing, table
from tests.libs.interlock_feed.adapters.topic import emptied, raw, recreated, uncompacted, until_compacted

DEADLINE_S = 30.0
SAID = "what is held stays in force"


@asynccontextmanager
async def feed_of(connection: KafkaConnection, topics: Topics, **options: float) -> AsyncIterator[KafkaFeed]:
    feed = KafkaFeed(connection, topics, **{"send_s": DEADLINE_S, **options})  # type: ignore[arg-type]
    try:
        yield feed
    finally:
        await feed.close()


@pytest.fixture
def connection(kafka: KafkaService) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


@pytest.fixture
async def feed(connection: KafkaConnection, topics: Topics) -> AsyncIterator[KafkaFeed]:
    async with feed_of(connection, topics) as opened:
        yield opened


class TestKafkaFeed(FeedContract):
    @pytest.fixture(autouse=True)
    def _broker(self, connection: KafkaConnection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Digested]:
        topics = fresh_topics()
        await create_topics(self.connection.bootstrap, topics)
        async with feed_of(self.connection, topics) as feed:
            yield Digested(feed, feed)


async def send_raw(connection: KafkaConnection, topics: Topics, *records: OutRecord) -> None:
    sender = KafkaSender(connection, client_id="stranger", timeout_s=DEADLINE_S)
    await sender.send(topics.state, records)
    await sender.close()


def row_record(key: str, value: bytes | None, *, epoch: int, position: int) -> OutRecord:
    stamped = (("generation", b"1"), ("epoch", b"%d" % epoch), ("position", b"%d" % position))
    return OutRecord(key=key.encode(), value=value, headers=stamped)


async def test_given_a_topic_that_retention_emptied_then_a_reader_is_done_and_waits_for_the_next_commit(
    connection: KafkaConnection,
) -> None:
    topics = await uncompacted(connection)
    async with feed_of(connection, topics) as feed:

        async def published() -> bool:
            try:
                await feed.publish(closing({"a": b"1"}, 1), {"a": b"1"})
            except Unsent:  # a topic takes its time to be known everywhere
                return False
            return True

        await until(published, timeout_s=DEADLINE_S, what="the topic to be there")
        written = len(await raw(connection, topics))
        await emptied(connection, topics, upto=written)
        assert await raw(connection, topics) == []
        async with tailing(feed) as tail:
            first = asyncio.create_task(tail.next())
            await asyncio.sleep(0)
            await feed.publish(closing({"b": b"2"}, 2), {"b": b"2"})
            assert table(await first) == {"b": b"2"}


async def test_given_holes_of_a_compaction_up_to_the_end_then_a_reader_is_done(
    connection: KafkaConnection, topics: Topics, feed: KafkaFeed
) -> None:
    position = 0

    async def publish(rows: dict[str, bytes | None]) -> None:
        nonlocal position
        position += 1
        await feed.publish(closing({"a": b"19", "b": b"1"}, position), rows)

    for n in range(20):
        await publish({"a": b"%d" % n, "b": b"1"})
    await until_compacted(connection, topics, "a", busy=lambda: publish({}))
    assert len(await raw(connection, topics)) < position
    async with tailing(feed) as tail:
        update = await tail.next()
        assert (update.commit.position, table(update)) == (position, {"a": b"19", "b": b"1"})


async def test_given_one_record_alone_then_it_is_the_table_and_no_second_one_is_waited_for(
    feed: KafkaFeed,
) -> None:
    await feed.publish(closing({}, 1), {})
    async with tailing(feed) as tail:
        update = await tail.next()
        assert (update.commit, update.rows, update.whole) == (closing({}, 1), {}, True)


async def test_given_commits_while_readers_start_then_none_is_lost_between_their_start_and_their_tail(
    feed: KafkaFeed,
) -> None:
    rows: dict[str, bytes] = {}
    tables: list[dict[str, bytes]] = []
    commits = 60

    async def follow() -> None:
        held: dict[str, bytes] = {}
        async with tailing(feed) as tail:
            while True:
                update = await tail.next()
                assert update.whole == (not held)
                held |= {key: row for key, row in update.rows.items() if row is not None}
                if update.commit.position == commits:
                    tables.append(held)
                    return

    async with asyncio.TaskGroup() as readers:
        for position in range(1, commits + 1):
            if position % 12 == 1:
                readers.create_task(follow())
            key = f"k{position}"
            rows[key] = b"1"
            await feed.publish(closing(rows, position), {key: b"1"})
    assert tables == [rows] * 5


async def test_the_largest_row_that_is_not_refused_reaches_a_reader(feed: KafkaFeed) -> None:
    rows = {"catalog": random.Random(1).randbytes(898 * 1024), "target/p/m": b"{}"}
    await feed.publish(closing(rows, 1), rows)
    async with tailing(feed) as tail:
        assert table(await tail.next()) == rows


async def test_given_rows_that_are_not_the_promised_ones_then_they_are_not_told_until_they_were_repaired(
    connection: KafkaConnection, topics: Topics
) -> None:
    rows = {"a": b"2", "b": b"1"}
    wrong = (row_record("b", b"1", epoch=2, position=2), row_record("a", b"zombie", epoch=1, position=1))
    await send_raw(connection, topics, *wrong)
    async with feed_of(connection, topics) as owner:
        await owner.publish(closing(rows, 2, epoch=2), {})
        async with tailing(owner) as tail:
            first = asyncio.create_task(tail.next())
            await owner.publish(closing(rows, 3, epoch=2), {"a": b"2"})
            update = await first
            assert (update.commit.position, table(update)) == (3, rows)


async def test_given_rows_that_nobody_repairs_then_the_topic_is_read_anew_and_it_is_said_once_each_time(
    connection: KafkaConnection, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {"a": b"1"}
    async with feed_of(connection, topics, repair_s=0.2) as owner, tailing(owner) as tail:
        await owner.publish(closing(rows, 1), rows)
        assert table(await tail.next()) == rows
        await owner.publish(closing({"a": b"1", "lost": b"2"}, 2), {})
        later = asyncio.create_task(tail.next())
        await until(
            lambda: "reading the state feed anew" in caplog.text, timeout_s=DEADLINE_S, what="another reading"
        )
        assert not later.done()
        await owner.publish(closing({"a": b"1", "lost": b"2"}, 3), {"lost": b"2"})
        update = await later
        assert (update.commit.position, update.rows["lost"]) == (3, b"2")


async def test_given_records_that_are_none_of_ours_then_they_are_passed_over(
    connection: KafkaConnection, topics: Topics, feed: KafkaFeed, caplog: pytest.LogCaptureFixture
) -> None:
    await send_raw(
        connection,
        topics,
        OutRecord(key=b"\xff", value=b"{}"),
        OutRecord(key=b"target/p/m", value=b"{}", headers=(("epoch", b"\xff"),)),
        OutRecord(key=b"_commit", value=b"not json"),
        OutRecord(key=b"_commit", value=None),
    )
    await feed.publish(closing({"a": b"1"}, 1), {"a": b"1"})
    async with tailing(feed) as tail:
        assert table(await tail.next()) == {"a": b"1"}
    assert caplog.text.count("is passed over") == 4


async def test_given_a_topic_made_anew_then_what_was_told_stays_until_a_higher_generation_comes(
    connection: KafkaConnection, topics: Topics, feed: KafkaFeed
) -> None:
    rows = {"a": b"1"}
    for position in range(1, 30):
        await feed.publish(closing(rows, position), rows)
    async with tailing(feed) as tail:
        assert (await tail.next()).commit.position == 29
        await recreated(connection, topics, **{"cleanup.policy": "compact"})
        later = asyncio.create_task(tail.next())
        async with feed_of(connection, topics) as same_generation, feed_of(connection, topics) as next_one:
            await same_generation.publish(closing({"a": b"old"}, 5), {"a": b"old"})
            await next_one.publish(closing({"a": b"2"}, 1, epoch=2, generation=2), {"a": b"2"})
            update = await later
            assert (update.commit.generation, table(update)) == (2, {"a": b"2"})


async def test_given_a_broker_that_is_silent_for_a_while_then_it_is_said_once_and_the_tail_goes_on(
    local_kafka: LocalKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = local_kafka.cluster(tmp_path)
    async with AsyncExitStack() as stack:
        await cluster.start()
        stack.push_async_callback(cluster.stop)
        connection, topics = KafkaConnection(bootstrap=cluster.bootstrap), fresh_topics()
        await create_topics(cluster.bootstrap, topics)
        feed = await stack.enter_async_context(feed_of(connection, topics))
        await feed.publish(closing({"a": b"1"}, 1), {"a": b"1"})
        tail = await stack.enter_async_context(tailing(feed, patience_s=4 * DEADLINE_S))
        assert table(await tail.next()) == {"a": b"1"}
        cluster.pause(1)
        later = asyncio.create_task(tail.next())
        await until(
            lambda: "what is held stays in force" in caplog.text, timeout_s=DEADLINE_S, what="a word of it"
        )
        cluster.go_on(1)
        owner = await stack.enter_async_context(feed_of(connection, topics))

        async def published() -> bool:
            try:
                await owner.publish(closing({"a": b"2"}, 2), {"a": b"2"})
            except Unsent:
                return False
            return True

        await until(published, timeout_s=2 * DEADLINE_S, what="the broker to take records again")
        update = await later
        assert (update.commit.position, update.rows) == (2, {"a": b"2"})
        said = [record.getMessage() for record in caplog.records if SAID in record.getMessage()]
        assert all(one != then for one, then in pairwise(said)), "it goes on about it"
        cluster.kill(1)
        last = asyncio.create_task(tail.next())
        await until(
            lambda: caplog.text.count(SAID) > len(said), timeout_s=DEADLINE_S, what="another word of it"
        )
        assert not last.done(), "an outage ends nothing"
        last.cancel()
        await asyncio.wait([last])
