"""A broker that dies, freezes and comes back: every call ends, and afterwards everything goes on."""

import asyncio

import pytest

from interlock_runtime.kafka.connection import KafkaConnection
from interlock_runtime.kafka.reader import TopicReader, Unreachable
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.waiting import until

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0


async def test_given_a_broker_that_freezes_and_one_that_is_killed_then_calls_end_and_then_go_on(
    local_kafka, tmp_path
):
    cluster = local_kafka.cluster(tmp_path)
    await cluster.start()
    topics = fresh_topics()
    await create_topics(cluster.bootstrap, topics)
    connection = KafkaConnection(bootstrap=cluster.bootstrap)
    sender = KafkaSender(connection, client_id="test", timeout_s=1.0)
    reader = TopicReader(connection, topics.events)
    reader.seek(0)

    async def sent(value: bytes) -> bool:
        try:
            await sender.send(topics.events, [OutRecord(key=b"k", value=value)])
        except Unsent:
            return False
        return True

    async def read(value: bytes) -> bool:
        try:
            return value in [record.value for record in await reader.fetch(99, 0.5)]
        except Unreachable:
            return False

    async def through(value: bytes) -> None:
        await until(lambda: sent(value), timeout_s=PATIENCE_S, what=f"{value!r} to be taken")
        await until(lambda: read(value), timeout_s=PATIENCE_S, what=f"{value!r} to come")

    async def nothing_works() -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert not await sent(b"into the void")
            with pytest.raises(Unreachable, match="does not answer"):
                await reader.end()

    try:
        await through(b"before")

        cluster.pause(1)
        await nothing_works()
        # What was not acknowledged in time was sent again, and may stand twice.
        assert {record.value for record in await reader.fetch(9, 0.1)} <= {b"before"}
        cluster.go_on(1)
        await through(b"thawed")

        cluster.kill(1)
        await nothing_works()
        await cluster.start_again(1)
        await through(b"after")
    finally:
        async with asyncio.timeout(PATIENCE_S):
            await sender.close()
            await reader.close()
        await cluster.stop()
