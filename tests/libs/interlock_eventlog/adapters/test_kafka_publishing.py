"""Facts that wait go in one send, once each, and a send that failed is forgotten."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from interlock_eventlog.adapters.kafka_publishing import REMEMBERED, FactPublisher
from interlock_eventlog.codec import CODEC
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import Unsent
from interlock_testing.contracts.facts import GATEWAY
from interlock_testing.contracts.samples import failure
from interlock_testing.waiting import until


class Topic:
    """A topic in memory behind a sender; while the gate is shut, a send waits."""

    def __init__(self) -> None:
        self.sends: list[list[OutRecord]] = []
        self.records: list[OutRecord] = []
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        assert topic == "events"
        self.sends.append(list(records))
        await self.gate.wait()
        if self.failing:
            raise Unsent("the broker is away: start it.")
        first = len(self.records)
        self.records += records
        return [SentRecord(0, first + n, 1) for n in range(len(records))]


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def publisher(topic) -> FactPublisher:
    return FactPublisher(topic, "events", CODEC)


def facts(*seqs: int):
    return [failure(seq) for seq in seqs]


async def test_what_gathers_while_one_send_is_under_way_goes_in_the_next_one(topic, publisher):
    topic.gate.clear()
    first = asyncio.create_task(publisher.put(GATEWAY, facts(1)))
    await until(lambda: topic.sends, what="the first send", timeout_s=20.0)
    others = [asyncio.create_task(publisher.put(GATEWAY, facts(n, n + 100))) for n in range(2, 20)]
    again = asyncio.create_task(publisher.put(GATEWAY, facts(1, 2)))
    await asyncio.sleep(0)
    topic.gate.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2 * n - 1 for n in range(2, 20)]
    assert await again == 2
    assert [len(send) for send in topic.sends] == [1, 36]


async def test_given_a_failed_send_then_everyone_in_it_is_told_and_may_send_again(topic, publisher):
    topic.failing = True
    answers = await asyncio.gather(
        publisher.put(GATEWAY, facts(1)), publisher.put(GATEWAY, facts(2)), return_exceptions=True
    )
    assert all(isinstance(answer, Unsent) for answer in answers)
    topic.failing = False
    assert await publisher.put(GATEWAY, facts(1, 2)) == 2
    assert await publisher.put(GATEWAY, facts(1)) == 1
    assert len(topic.records) == 2


async def test_given_a_caller_who_left_then_the_others_get_their_answers(topic, publisher):
    topic.gate.clear()
    leaving = asyncio.create_task(publisher.put(GATEWAY, facts(1)))
    staying = asyncio.create_task(publisher.put(GATEWAY, facts(1, 2)))
    await until(lambda: topic.sends, what="the send", timeout_s=20.0)
    leaving.cancel()
    await asyncio.wait([leaving])
    topic.gate.set()
    assert await staying == 2
    assert leaving.cancelled()


async def test_closing_waits_for_what_was_given(topic, publisher):
    topic.gate.clear()
    putting = asyncio.create_task(publisher.put(GATEWAY, facts(1)))
    await until(lambda: topic.sends, what="the send", timeout_s=20.0)
    closing = asyncio.create_task(publisher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    topic.gate.set()
    await closing
    assert await putting == 1


async def test_the_oldest_ids_are_forgotten_and_the_newest_remembered(topic, publisher):
    await publisher.put(GATEWAY, facts(*range(REMEMBERED + 1)))
    assert await publisher.put(GATEWAY, facts(1, REMEMBERED)) == REMEMBERED + 1
    assert await publisher.put(GATEWAY, facts(0)) == REMEMBERED + 2
    assert len(topic.records) == REMEMBERED + 2


async def test_a_fact_goes_as_a_cloud_event_under_its_stream(topic):
    publisher = FactPublisher(topic, "events", CODEC, clock=lambda: 77)
    await publisher.put(GATEWAY, facts(1))
    (record,) = topic.records
    assert (record.key, record.partition, record.timestamp_ms) == (b"gateway/g1", 0, 77)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"g1/0/b1/1",
        "ce_type": b"AttemptFailed",
        "ce_source": b"/interlock/gateway/g1",
    }
    assert record.value is not None
    assert msgspec.json.decode(record.value)["id"] == "g1/0/b1/1"
