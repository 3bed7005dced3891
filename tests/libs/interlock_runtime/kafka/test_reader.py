"""Reading: from a place that the caller names, over what compaction left, without ever jumping."""

import asyncio

import pytest

from interlock_runtime.kafka.connection import KafkaConnection
from interlock_runtime.kafka.reader import GoneOffset, TopicReader, Unreachable
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_testing.waiting import until

PATIENCE_S = 30.0


@pytest.fixture
def connection(kafka) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


@pytest.fixture
async def put(connection, topics):
    """Sends values to the events topic."""
    sender = KafkaSender(connection, client_id="test", timeout_s=20.0)

    async def send(*values: bytes) -> None:
        await sender.send(topics.events, [OutRecord(key=b"k", value=value) for value in values])

    yield send
    await sender.close()


@pytest.fixture
async def reader(connection, topics):
    reader = TopicReader(connection, topics.events)
    yield reader
    await reader.close()


async def test_an_empty_topic_begins_where_it_ends(reader):
    await reader.start()
    assert (await reader.begin(), await reader.end()) == (0, 0)
    reader.seek(0)
    assert await reader.fetch(10, 0.05) == []
    assert reader.position() == 0


async def test_records_come_from_the_place_asked_for_and_the_position_follows(reader, put):
    await put(b"a", b"b", b"c", b"d")
    reader.seek(1)
    assert [record.value for record in await reader.fetch(2, PATIENCE_S)] == [b"b", b"c"]
    assert reader.position() == 3
    assert [record.value for record in await reader.fetch(9, PATIENCE_S)] == [b"d"]
    reader.seek(0)
    assert [record.offset for record in await reader.fetch(9, PATIENCE_S)] == [0, 1, 2, 3]
    assert (await reader.begin(), await reader.end()) == (0, 4)


async def test_given_a_fetch_that_waits_then_new_records_end_it_and_the_end_is_told_meanwhile(reader, put):
    reader.seek(0)
    for n in range(20):
        waiting = asyncio.create_task(reader.fetch(10, PATIENCE_S))
        assert await reader.end() == n
        await put(b"%d" % n)
        assert [record.value for record in await waiting] == [b"%d" % n]


async def test_given_a_fetch_that_was_cancelled_then_the_next_one_loses_nothing(reader, put):
    reader.seek(0)
    seen: list[int] = []
    for n in range(10):
        await put(b"%d" % n)
        waiting = asyncio.create_task(reader.fetch(10, PATIENCE_S))
        for _ in range(n):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        seen += [] if waiting.cancelled() else [record.offset for record in waiting.result()]
    while reader.position() < await reader.end():
        seen += [record.offset for record in await reader.fetch(99, PATIENCE_S)]
    assert seen == list(range(10))


async def test_given_an_offset_that_is_not_there_then_it_says_so_and_a_seek_mends_it(reader, put):
    await put(b"a")
    reader.seek(7)
    with pytest.raises(GoneOffset, match="has no offset 7"):
        await reader.fetch(1, PATIENCE_S)
    with pytest.raises(GoneOffset):
        await reader.fetch(1, PATIENCE_S)
    reader.seek(0)
    assert len(await reader.fetch(1, PATIENCE_S)) == 1


async def test_an_offset_is_found_by_time(reader, put):
    await put(b"a")
    (first,) = await reader.fetch(1, PATIENCE_S)
    await until(lambda: _later(put, reader, first.timestamp), timeout_s=PATIENCE_S, what="a later record")
    later = await reader.offset_at(first.timestamp + 1)
    assert later is not None
    assert later > 0
    assert await reader.offset_at(0) == 0
    assert await reader.offset_at(first.timestamp + 10**9) is None


async def _later(put, reader: TopicReader, than_ms: int) -> bool:
    await put(b"b")
    return (await reader.fetch(1, PATIENCE_S))[-1].timestamp > than_ms


async def test_given_holes_of_compaction_then_the_position_still_reaches_the_end(connection, topics):
    sender = KafkaSender(connection, client_id="test", timeout_s=20.0)
    reader = TopicReader(connection, topics.state)

    async def shrunk() -> bool:
        # A new record rolls the old segment, which alone is compacted.
        await sender.send(topics.state, [OutRecord(key=b"last", value=b"")])
        end = await reader.end()
        reader.seek(0)
        seen = 0
        while reader.position() < end:
            seen += len(await reader.fetch(1_000, PATIENCE_S))
        assert reader.position() == end
        return seen < end

    try:
        for n in range(50):
            await sender.send(topics.state, [OutRecord(key=b"%d" % (n % 3), value=b"%d" % n)])
        await until(shrunk, timeout_s=90.0, what="a compaction")
    finally:
        await sender.close()
        await reader.close()


async def test_given_a_topic_that_is_not_there_then_the_sentence_says_how_to_make_it(connection):
    reader = TopicReader(connection, "nobody.made.this")
    with pytest.raises(Unreachable, match=r"has no topic nobody\.made\.this: run `interlock migrate`"):
        await reader.start()
    await reader.close()


async def test_given_no_broker_then_the_sentence_says_where():
    reader = TopicReader(KafkaConnection(bootstrap=("127.0.0.1:1",)), "t")
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        await reader.end()
    with pytest.raises(Unreachable):
        await reader.fetch(1, 0.1)
    await reader.close()
