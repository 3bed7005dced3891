"""Sending: in order, acknowledged, or a sentence; and a broker that is away never holds anybody for good."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_runtime.kafka.connection import KafkaConnection
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import BATCH_BYTES, KafkaSender, Unsent, lanes
from interlock_testing.waiting import free_port
from tests.libs.interlock_eventlog.adapters.kafka_rig import events_topic


@pytest.fixture
def connection(kafka) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


@pytest.fixture
async def sender(connection):
    sender = KafkaSender(connection, client_id="test", timeout_s=20.0)
    yield sender
    await sender.close()


async def values(connection: KafkaConnection, topic: str, partition: int = 0) -> list[bytes | None]:
    reader = TopicReader(connection, topic, partition=partition)
    try:
        reader.seek(0)
        found: list[bytes | None] = []
        end = await reader.end()
        while reader.position() < end:
            found += [record.value for record in await reader.fetch(10_000, 20.0)]
        return found
    finally:
        await reader.close()


def record(n: int, size: int = 8, **changed) -> OutRecord:
    return OutRecord(key=b"k", value=b"%d|" % n + b"x" * size, **changed)


async def test_each_record_comes_with_its_place_and_the_brokers_time(sender, connection, topics):
    first = await sender.send(topics.events, [record(1), record(2)])
    then = await sender.send(topics.events, [record(3, timestamp_ms=5)])
    assert [(one.partition, one.offset) for one in [*first, *then]] == [(0, 0), (0, 1), (0, 2)]
    assert all(one.timestamp_ms > 1_000_000_000_000 for one in [*first, *then])  # the log's time, not ours
    assert await sender.send(topics.events, []) == []


async def test_where_a_topic_takes_our_times_each_record_keeps_its_own(sender, kafka):
    topics = await events_topic(kafka)
    sent = await sender.send(topics.events, [record(n, timestamp_ms=1_000_000_000_000 + n) for n in range(3)])
    assert [one.timestamp_ms - 1_000_000_000_000 for one in sent] == [0, 1, 2]


async def test_more_than_one_batch_arrives_in_order(sender, connection, topics):
    records = [record(n, size=BATCH_BYTES // 7) for n in range(20)]
    sent = await sender.send(topics.events, records)
    assert [one.offset for one in sent] == list(range(20))
    assert await values(connection, topics.events) == [one.value for one in records]


async def test_callers_at_once_each_get_their_own_places(sender, connection, topics):
    answers = await asyncio.gather(*(sender.send(topics.events, [record(n), record(n)]) for n in range(20)))
    stored = await values(connection, topics.events)
    for n, sent in enumerate(answers):
        assert [stored[one.offset] for one in sent] == [record(n).value] * 2


async def test_headers_tombstones_and_partitions_go_as_they_are(sender, connection, topics):
    sent = await sender.send(
        topics.requests,
        [
            OutRecord(key=b"a", value=None, partition=1),
            OutRecord(key=b"b", value=b"v", partition=0, headers=(("h", b"\xff"), ("h", b""))),
            OutRecord(key=b"c", value=b"w", partition=1),
        ],
    )
    assert [(one.partition, one.offset) for one in sent] == [(1, 0), (0, 0), (1, 1)]
    assert await values(connection, topics.requests, 1) == [None, b"w"]
    reader = TopicReader(connection, topics.requests)
    reader.seek(0)
    (found,) = await reader.fetch(9, 20.0)
    await reader.close()
    assert (found.key, found.headers) == (b"b", (("h", b"\xff"), ("h", b"")))


async def test_without_a_partition_the_key_decides(sender, topics):
    keys = [b"%d" % n for n in range(12)]
    sent = await sender.send(
        topics.transitions, [OutRecord(key=k, value=b"", partition=None) for k in keys * 2]
    )
    assert [one.partition for one in sent[:12]] == [one.partition for one in sent[12:]]
    assert {one.partition for one in sent} == {0, 1, 2}


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
async def test_compressed_records_are_read_like_any_other(connection, topics, compression):
    sender = KafkaSender(connection, client_id="test", timeout_s=20.0, compression=compression)
    await sender.send(topics.events, [record(1, size=5_000), record(2, size=5_000)])
    await sender.close()
    assert await values(connection, topics.events) == [record(n, size=5_000).value for n in (1, 2)]


async def test_what_the_topic_refuses_is_a_sentence_and_the_next_send_is_well(sender, connection, topics):
    with pytest.raises(Unsent, match=r"because of its size: raise max\.message\.bytes"):
        await sender.send(topics.events, [record(1, size=2_000_000)])
    with pytest.raises(Unsent, match="has no topic"):
        await sender.send(topics.requests, [record(1, partition=77)])
    await sender.send(topics.events, [record(2)])
    assert await values(connection, topics.events) == [record(2).value]


async def test_given_a_topic_that_is_not_there_then_the_sentence_says_how_to_make_it(connection):
    # The client asks for the topic during four fifths of that time; the rest must do for its last answer.
    sender = KafkaSender(connection, client_id="test", timeout_s=10.0)
    with pytest.raises(Unsent, match="run `interlock migrate`"):
        await sender.send("nobody.made.this", [record(1)])
    await sender.close()


async def test_given_no_broker_then_the_sentence_says_where_and_nothing_hangs():
    sender = KafkaSender(KafkaConnection(bootstrap=("127.0.0.1:1",)), client_id="test", timeout_s=1.0)
    async with asyncio.timeout(30.0):
        for _ in range(2):
            with pytest.raises(Unsent, match=r"Kafka at 127\.0\.0\.1:1 did not acknowledge"):
                await sender.send("t", [record(1)])
        await sender.close()


async def test_given_somebody_who_listens_and_never_answers_then_nothing_hangs():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(silent, "127.0.0.1", port):
        sender = KafkaSender(
            KafkaConnection(bootstrap=(f"127.0.0.1:{port}",)), client_id="test", timeout_s=0.5
        )
        async with asyncio.timeout(30.0):
            with pytest.raises(Unsent, match="did not acknowledge"):
                await sender.send("t", [record(1)])
            await sender.close()


@given(st.lists(st.sampled_from([0, 1, 2, None])), st.binary(max_size=3))
def test_lanes_keep_every_record_once_and_in_order(partitions: list[int | None], key: bytes) -> None:
    records = [OutRecord(key=key, value=b"", partition=partition) for partition in partitions]
    split = lanes(records, [0, 1, 2])
    assert sorted(n for places in split.values() for n in places) == list(range(len(records)))
    assert all(places == sorted(places) for places in split.values())
    assert all(records[n].partition in {None, lane} for lane, places in split.items() for n in places)
