"""Whatever lies in the events topic: nothing valid behind it is lost or moved; each bad one is told."""

import msgspec
import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.record.default_records import (  # type: ignore[import-untyped]
    _DefaultRecordBatchBuilderPy,
)

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import BatchPart
from interlock_eventlog.adapters.kafka_decoding import LETTERS
from interlock_eventlog.codec import CODEC
from interlock_eventlog.dead_letters import FACT_BYTES, DeadLetterReason
from interlock_eventlog.log import UnreadableDecision
from interlock_eventlog.queries import EventFilter
from interlock_runtime.kafka.records import OutRecord
from interlock_testing.contracts.facts import GATEWAY
from interlock_testing.contracts.samples import decision, failure
from tests.libs.interlock_eventlog.adapters.kafka_rig import events_topic, log_at, put

KEY = GATEWAY.encode()


def fact(seq: int, *, key: bytes | None = KEY, **changed: object) -> OutRecord:
    """A good record, or one with other envelope fields."""
    body = msgspec.json.decode(CODEC.encode(failure(seq), GATEWAY)) | changed
    return OutRecord(key=key, value=msgspec.json.encode(body))


POISON = {
    "bad json": (OutRecord(key=KEY, value=b"{"), DeadLetterReason.BAD_JSON),
    "no json at all": (OutRecord(key=None, value=b"\xff\x00\xfe"), DeadLetterReason.BAD_JSON),
    "empty": (OutRecord(key=KEY, value=b""), DeadLetterReason.BAD_JSON),
    "absurd nesting": (OutRecord(key=KEY, value=b"[" * 100_000), DeadLetterReason.BAD_JSON),
    "unknown type": (fact(99, type="Imagined"), DeadLetterReason.UNKNOWN_TYPE),
    "future version": (fact(99, v=999), DeadLetterReason.FUTURE_VERSION),
    "bad data": (fact(99, data={"target": 7}), DeadLetterReason.BAD_DATA),
    "null value": (OutRecord(key=KEY, value=None), DeadLetterReason.NULL_VALUE),
    "wrong key": (fact(99, key=b"target/p/m"), DeadLetterReason.WRONG_KEY),
    "no key": (fact(99, key=None), DeadLetterReason.WRONG_KEY),
    "a decision under another key": (fact(99, key=b"x", version=7), DeadLetterReason.WRONG_KEY),
    "an unreadable decision under another key": (
        fact(99, key=b"x", version=7, type="Imagined"),
        DeadLetterReason.WRONG_KEY,
    ),
    "a mebibyte": (OutRecord(key=KEY, value=b"x" * (1024 * 1024 - 200)), DeadLetterReason.TOO_LARGE),
    "a large fact": (fact(99, correlation="x" * FACT_BYTES), DeadLetterReason.TOO_LARGE),
}


@pytest.fixture
async def topics(kafka):
    return await events_topic(kafka)


async def test_given_every_poison_between_good_records_then_the_good_ones_come_in_order(kafka, topics):
    records: list[OutRecord] = []
    for seq, (bad, _) in enumerate(POISON.values(), start=1):
        records += [fact(seq), bad]
    odd = msgspec.structs.replace(fact(50), headers=(("traceparent", b"\xff\xfe"), ("", b"")))
    await put(kafka, topics, *records, odd, fact(51))

    async with log_at(kafka, topics) as log:
        events = await log.read(after=0, limit=1_000)
        count = len(POISON)
        assert [event.position for event in events] == list(range(1, 2 * count + 3))
        good = [event.source.seq for event in events if event.source is not None]
        assert good == [*range(1, count + 1), 50, 51]
        ticks = [event for event in events if isinstance(event.event, ClockTicked)]
        assert [tick.position for tick in ticks] == [2 * n for n in range(1, count + 1)]

        letters = log.take_dead_letters()
        assert [letter.reason for letter in letters] == [reason for _, reason in POISON.values()]
        for letter, (bad, _), n in zip(letters, POISON.values(), range(count), strict=True):
            assert (letter.topic, letter.partition, letter.offset) == (topics.events, 0, 2 * n + 1)
            assert (letter.key, letter.value) == (bad.key, bad.value)
            assert letter.recorded_ms == ticks[n].recorded_ms > 0
        assert log.take_dead_letters() == []
        assert log.passed_over == count

        found = await log.find(EventFilter(stream=GATEWAY, limit=1_000))
        assert [one.position for one in found] == [e.position for e in events if e.source is not None]
        assert log.take_dead_letters() == []  # a page for people is not the reader of the log


async def test_given_poison_at_the_end_then_a_waiter_gets_past_it(kafka, topics):
    async with log_at(kafka, topics) as log:
        await put(kafka, topics, POISON["bad json"][0])
        assert await log.wait(0, 30.0)
        assert [event.position for event in await log.read(after=0, limit=9)] == [1]
        assert not await log.wait(1, 0.05)
        await put(kafka, topics, fact(1))
        assert await log.wait(1, 30.0)
        assert [event.id for event in await log.read(after=1, limit=9)] == [failure(1).id]


@pytest.mark.parametrize("changed", [{"type": "Imagined"}, {"v": 999}, {"data": {}}])
async def test_given_an_unreadable_decision_then_the_page_ends_before_it_and_the_next_one_says_why(
    kafka, topics, changed
):
    body = CODEC.encode(decision("a"), "config", 1, BatchPart(id="a", index=0, size=1))
    bad = msgspec.json.encode(msgspec.json.decode(body) | changed)
    await put(kafka, topics, fact(1), OutRecord(key=b"config", value=bad), fact(2))
    async with log_at(kafka, topics) as log:
        assert [event.position for event in await log.read(after=0, limit=9)] == [1]
        with pytest.raises(UnreadableDecision, match="the decision at position 2"):
            await log.read(after=1, limit=9)
        assert [event.position for event in await log.read(after=2, limit=9)] == [3]
        assert log.take_dead_letters() == []


class NotUtf8(str):
    """A header's name as another client may write it: the protocol does not check it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


async def test_given_a_header_name_that_is_no_utf8_then_its_batch_is_passed_over_from_there(kafka, topics):
    await put(kafka, topics, fact(1))
    producer = AIOKafkaProducer(bootstrap_servers=list(kafka.bootstrap))
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
        for seq, headers in ((2, []), (3, [(NotUtf8("x"), b"")]), (4, [])):
            batch.append(timestamp=77, key=KEY, value=fact(seq).value, headers=headers)
        await (await producer.send_batch(batch, topics.events, partition=0))
    finally:
        await producer.stop()
    await put(kafka, topics, fact(5))

    async with log_at(kafka, topics) as log:
        events = [event for after in range(5) for event in await log.read(after=after, limit=1)]
        assert [event.position for event in events] == [1, 2, 3, 4, 5]
        assert [event.source.seq if event.source else None for event in events] == [1, 2, None, None, 5]
        letters = log.take_dead_letters()
        assert [(letter.offset, letter.reason) for letter in letters] == [
            (2, DeadLetterReason.BAD_HEADER),
            (3, DeadLetterReason.BAD_HEADER),
        ]
        assert [event.position for event in await log.read(after=0, limit=9)] == [1, 2, 3, 4, 5]


async def test_given_nobody_who_takes_the_letters_then_the_newest_are_kept(kafka, topics):
    await put(kafka, topics, *(OutRecord(key=KEY, value=b"%d" % n) for n in range(LETTERS + 5)))
    async with log_at(kafka, topics) as log:
        assert len(await log.read(after=0, limit=2 * LETTERS)) == LETTERS + 5
        letters = log.take_dead_letters()
        assert [letter.offset for letter in letters] == list(range(5, LETTERS + 5))
        assert log.passed_over == LETTERS + 5
