"""The fixtures as a test meets them: a real broker, a real database, nothing shared but the servers."""

import asyncpg  # type: ignore[import-untyped]
import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]

from interlock_runtime.kafka.connection import Topics
from interlock_testing.services.kafka import KafkaService

_seen: set[str] = set()


async def test_a_record_sent_to_a_fresh_cell_is_the_first_of_its_log(
    kafka: KafkaService, topics: Topics
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=list(kafka.bootstrap), acks="all")
    await producer.start()
    try:
        sent = await producer.send_and_wait(topics.events, b"one", partition=0)
    finally:
        await producer.stop()
    assert (sent.offset, sent.timestamp_type) == (0, 1), "an empty log that stamps the append time"


async def test_a_cell_has_the_topics_of_the_design(kafka: KafkaService, topics: Topics) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))
    await admin.start()
    try:
        names = await admin.list_topics()
        told = await admin.describe_topics([topics.events, topics.state])
    finally:
        await admin.close()
    assert {topics.events, topics.state, topics.requests, topics.transitions, topics.dead_letters} <= set(
        names
    )
    assert [len(one["partitions"]) for one in told] == [1, 1], "one log, one order"


@pytest.mark.parametrize("time", ["first", "second"])
async def test_a_database_is_migrated_and_nobody_elses(database_url: str, time: str) -> None:
    assert database_url not in _seen
    _seen.add(database_url)
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM journal") == 0
        await connection.execute("INSERT INTO projection (name) VALUES ($1)", time)
        assert await connection.fetchval("SELECT count(*) FROM projection") == 1
    finally:
        await connection.close()
