from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]

from interlock_runtime.kafka.connection import KafkaConnection
from interlock_runtime.kafka.provision import provision
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.kafka import KafkaCluster, KafkaService, NotStarted
from interlock_testing.services.tiers import LocalKafka


@asynccontextmanager
async def running(cluster: KafkaCluster) -> AsyncIterator[KafkaCluster]:
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.stop()


async def sent(bootstrap: Sequence[str], topic: str, value: bytes) -> None:
    """Acknowledged by all copies; a producer of its own, since an old one waits for the broker it knows."""
    patience = {"request_timeout_ms": 10_000}  # a paused broker takes the connection and never answers
    producer = AIOKafkaProducer(bootstrap_servers=list(bootstrap), acks="all", **patience)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def values(bootstrap: Sequence[str], topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=list(bootstrap), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_given_a_kill_when_started_again_then_the_log_is_there_at_the_same_address(
    local_kafka: LocalKafka, tmp_path: Path
) -> None:
    async with running(local_kafka.cluster(tmp_path)) as cluster:
        before, topics = cluster.bootstrap, fresh_topics()
        await create_topics(before, topics)
        await sent(before, topics.events, b"one")
        cluster.kill(1)
        await cluster.start_again(1)
        assert cluster.bootstrap == before
        await sent(before, topics.events, b"two")
        assert await values(before, topics.events, 2) == [b"one", b"two"]


@pytest.mark.slow
async def test_given_three_brokers_when_one_is_killed_and_another_paused_in_turn_then_nothing_is_lost(
    local_kafka: LocalKafka, tmp_path: Path
) -> None:
    async with running(local_kafka.cluster(tmp_path, brokers=3)) as cluster:
        topics = fresh_topics()
        await create_topics(cluster.bootstrap, topics, replication=3)
        await sent(cluster.bootstrap, topics.events, b"three")
        cluster.kill(1)
        await cluster.until_whole()
        await sent(cluster.bootstrap, topics.events, b"two")
        await cluster.start_again(1)
        cluster.pause(2)
        await cluster.until_whole()
        await sent(cluster.bootstrap, topics.events, b"without the paused one")
        cluster.go_on(2)
        await cluster.until_whole()
        read = await values(cluster.bootstrap, topics.events, 3)
        assert read == [b"three", b"two", b"without the paused one"]


async def test_a_cell_for_tests_is_one_that_the_provisioner_accepts(kafka: KafkaService) -> None:
    topics = fresh_topics()
    await create_topics(kafka.bootstrap, topics)
    found = await provision(KafkaConnection(bootstrap=kafka.bootstrap), topics, look_only=True)
    assert (found.missing, found.flaws) == ((), ())


async def test_a_topic_that_cannot_be_made_is_an_error(kafka: KafkaService) -> None:
    with pytest.raises(Exception, match="was not created"):
        await create_topics(kafka.bootstrap, fresh_topics(), replication=2)


async def test_brokers_without_programs_say_why_they_did_not_start(
    local_kafka: LocalKafka, tmp_path: Path
) -> None:
    empty = tmp_path / "jars"
    empty.mkdir()
    with pytest.raises(NotStarted, match="StorageTool"):
        await KafkaCluster(jars=empty, folder=tmp_path / "run", java=local_kafka.java).start()


async def test_a_broker_that_ends_is_told_with_its_log(local_kafka: LocalKafka, tmp_path: Path) -> None:
    async with running(local_kafka.cluster(tmp_path)) as cluster:
        cluster.kill(1)
        (tmp_path / "start1" / "data1" / "meta.properties").write_text("version=1\nnode.id=7\n")
        with pytest.raises(NotStarted, match="broker 1 ended"):
            await cluster.start_again(1)
