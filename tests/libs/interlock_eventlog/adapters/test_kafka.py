"""The log in Kafka keeps the contract of facts, whoever else reads, writes or has removed what was there."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete  # type: ignore[import-untyped]
from aiokafka.structs import TopicPartition  # type: ignore[import-untyped]

from interlock_domain.recorded import BatchPart
from interlock_eventlog.adapters.kafka import KafkaEventLog
from interlock_eventlog.codec import CODEC
from interlock_eventlog.queries import EventFilter
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Unreachable
from interlock_runtime.kafka.records import OutRecord
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.facts import GATEWAY, FactsContract
from interlock_testing.contracts.samples import decision, failure
from tests.libs.interlock_eventlog.adapters.kafka_rig import events_topic, log_at, put

PATIENCE_S = 30.0


class TestKafkaEventLog(FactsContract):
    @pytest.fixture(autouse=True)
    def _service(self, kafka):
        self.kafka = kafka

    @asynccontextmanager
    async def opened(self, clock):
        async with log_at(self.kafka, await events_topic(self.kafka), clock) as log:
            yield log


@pytest.fixture
async def topics(kafka) -> Topics:
    return await events_topic(kafka)


@pytest.fixture
async def log(kafka, topics):
    async with log_at(kafka, topics, ManualClock()) as opened:
        yield opened


def facts(*seqs: int):
    return [failure(seq) for seq in seqs]


async def positions(log: KafkaEventLog, after: int = 0, limit: int = 10_000) -> list[int]:
    return [event.position for event in await log.read(after=after, limit=limit)]


async def test_given_another_process_when_it_published_then_head_and_read_know_it_at_once(kafka, topics, log):
    async with log_at(kafka, topics) as other:
        for n in range(1, 6):
            assert await other.publish(GATEWAY, facts(n)) == n
            assert await log.head() == n
            assert await positions(log, after=n - 1) == [n]
            assert await positions(log) == list(range(1, n + 1))


async def test_given_a_waiter_when_another_process_publishes_then_it_wakes_and_reads_what_came(
    kafka, topics, log
):
    async with log_at(kafka, topics) as other:
        for n in range(1, 30):
            waiting = asyncio.create_task(log.wait(n - 1, PATIENCE_S))
            await other.publish(GATEWAY, facts(n))
            assert await waiting
            assert await positions(log, after=n - 1) == [n]


async def test_given_records_of_others_when_nobody_waited_yet_then_a_wait_finds_them(kafka, topics, log):
    async with log_at(kafka, topics) as other:
        await other.publish(GATEWAY, facts(1, 2, 3))
    assert await log.wait(2, PATIENCE_S)
    assert await positions(log, after=2) == [3]
    assert await log.wait(0, 0.0)


async def test_given_a_place_beyond_the_end_when_waited_for_then_the_log_gets_there(kafka, topics, log):
    await log.publish(GATEWAY, facts(1))
    async with log_at(kafka, topics) as far:
        waiting = asyncio.create_task(far.wait(2, PATIENCE_S))
        assert not await far.wait(2, 0.05)
        await log.publish(GATEWAY, facts(2))
        await log.publish(GATEWAY, facts(3))
        assert await waiting
        assert await positions(far, after=2) == [3]
        assert await positions(far, after=7) == []


async def test_given_a_follower_when_others_look_around_then_each_reads_its_own_places(log):
    await log.publish(GATEWAY, facts(*range(1, 301)))

    async def follow(step: int) -> list[int]:
        seen: list[int] = []
        while len(seen) < 300:
            seen += await positions(log, after=len(seen), limit=step)
        return seen

    async def look_around() -> None:
        for after in (250, 3, 100, 299, 0):
            assert (await positions(log, after=after, limit=2))[0] == after + 1

    one, two, *_ = await asyncio.gather(follow(7), follow(11), look_around(), look_around(), look_around())
    assert one == two == list(range(1, 301))


async def test_given_more_than_the_tail_keeps_at_hand_when_read_then_nothing_is_missing(kafka, topics, log):
    assert not await log.wait(0, 0.01)  # the tail is there
    async with log_at(kafka, topics) as other:
        for start in range(1, 10_001, 2_000):
            await other.publish(GATEWAY, facts(*range(start, start + 2_000)))
    assert await log.wait(9_999, PATIENCE_S)
    seen: list[int] = []
    while len(seen) < 10_000:
        seen += await positions(log, after=len(seen), limit=999)
    assert seen == list(range(1, 10_001))
    assert await positions(log, after=9_990) == list(range(9_991, 10_001))


async def test_given_one_fact_in_many_hands_when_published_at_once_then_it_is_kept_once(log):
    answers = await asyncio.gather(*(log.publish(GATEWAY, facts(1, n % 3 + 2)) for n in range(30)))
    assert sorted(set(answers)) == [2, 3, 4]
    assert sorted(e.id for e in await log.read(after=0, limit=99)) == [failure(n).id for n in (1, 2, 3, 4)]


async def test_given_nothing_to_publish_then_the_answer_is_the_head(log):
    await log.publish(GATEWAY, facts(1, 2))
    assert await log.publish(GATEWAY, []) == 2


async def test_given_a_beginning_that_retention_removed_then_reading_goes_on_at_what_is_left(
    kafka, topics, log
):
    await log.publish(GATEWAY, facts(*range(1, 11)))
    assert await positions(log, limit=3) == [1, 2, 3]
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topics.events, 0): RecordsToDelete(6)})
    finally:
        await admin.close()
    assert await positions(log, after=4) == [7, 8, 9, 10]
    assert await positions(log) == [7, 8, 9, 10]
    assert [found.position for found in await log.find(EventFilter(limit=2))] == [7, 8]
    assert [found.position for found in await log.find(EventFilter(newest=True))] == [10, 9, 8, 7]
    async with log_at(kafka, topics) as late:
        assert await late.wait(0, PATIENCE_S)
        assert await positions(late) == [7, 8, 9, 10]


async def test_given_a_clock_far_behind_when_asked_for_a_moment_then_the_look_onward_is_bounded(
    kafka, topics, log
):
    clock = ManualClock(5_000)
    async with log_at(kafka, topics, clock) as writer:
        await writer.publish(GATEWAY, facts(*range(1, 11)))
        clock.now_ms = 4_000
        await writer.publish(GATEWAY, facts(11))
        clock.now_ms = 6_000
        await writer.publish(GATEWAY, facts(12))
    assert [await log.position_at(moment) for moment in (-1, 3_999, 4_500, 5_000, 6_000)] == [
        0,
        0,
        11,
        11,
        12,
    ]


async def test_a_page_of_the_newest_is_found_without_reading_everything(kafka, topics, log):
    clock = ManualClock(1_000)
    async with log_at(kafka, topics, clock) as writer:
        for start in range(1, 6_001, 1_000):
            await writer.publish(GATEWAY, facts(*range(start, start + 1_000)))
            clock.now_ms += 1_000
        await writer.publish("gateway/g2", [failure(1, gateway="g2", target="p/x")])
    newest = await log.find(EventFilter(newest=True, limit=3))
    assert [found.position for found in newest] == [6_001, 6_000, 5_999]
    assert [f.position for f in await log.find(EventFilter(subject="target/p/x"))] == [6_001]
    assert [f.position for f in await log.find(EventFilter(stream=GATEWAY, from_ms=3_000, limit=2))] == [
        2_001,
        2_002,
    ]
    assert [f.position for f in await log.find(EventFilter(to_ms=1_000, newest=True, limit=2))] == [
        1_000,
        999,
    ]
    assert [f.position for f in await log.find(EventFilter(type="Nothing"))] == []


async def test_given_decisions_of_the_relay_when_found_then_they_come_by_stream_and_subject(
    kafka, topics, log
):
    new = decision("a")
    body = CODEC.encode(new, "config", 1, BatchPart(id="a", index=0, size=1))
    await put(kafka, topics, OutRecord(key=b"config", value=body))
    (found,) = await log.find(EventFilter(stream="config", subject="config", type="ProviderRemoved"))
    assert (found.body, found.position) == (body, 1)
    (read,) = await log.read(after=0, limit=9, stream="config")
    assert (read.version, read.id, read.batch) == (1, "a", BatchPart(id="a", index=0, size=1))


async def test_given_no_broker_then_reading_says_so_and_waiting_comes_back():
    log = KafkaEventLog(KafkaConnection(bootstrap=("127.0.0.1:1",)), Topics())
    try:
        with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
            await log.read(after=0, limit=1)
        assert await log.wait(0, 0.1) is False
    finally:
        await log.close()
