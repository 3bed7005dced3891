"""A state topic as tests look at it: its raw records, and the moment when it has been compacted."""

from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import (  # type: ignore[import-untyped]
    AIOKafkaAdminClient,
    NewTopic,
    RecordsToDelete,
)

from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import TopicReader
from interlock_testing.services.cells import fresh_topics, until_led
from interlock_testing.waiting import until

DEADLINE_S = 60.0
"""A cleaner on a busy machine comes by when it can."""


async def raw(connection: KafkaConnection, topics: Topics) -> list[tuple[str, bytes | None, str]]:
    """(key, value, epoch header) of everything that is still in the topic."""
    reader = TopicReader(connection, topics.state)
    found = []
    try:
        await reader.start()
        end = await reader.end()
        reader.seek(await reader.begin())
        while reader.position() < end:
            for record in await reader.fetch(10_000, 1.0):
                epoch = dict(record.headers).get("epoch", b"").decode()
                found.append(((record.key or b"").decode(), record.value, epoch))
    finally:
        await reader.close()
    return found


async def until_compacted(
    connection: KafkaConnection, topics: Topics, key: str, *, busy: Callable[[], Awaitable[None]]
) -> None:
    """Until one record of the key is left; `busy` writes, because an open segment is never compacted."""

    async def one_left() -> bool:
        await busy()
        return sum(name == key for name, _, _ in await raw(connection, topics)) == 1

    await until(one_left, timeout_s=DEADLINE_S, what=f"the compaction of {key}")


async def recreated(connection: KafkaConnection, topics: Topics, **configs: str) -> None:
    """The state topic, gone with its records and made anew."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(connection.bootstrap))
    await admin.start()
    try:
        await admin.delete_topics([topics.state])

        async def made() -> bool:
            answer = await admin.create_topics([NewTopic(topics.state, 1, 1, topic_configs=configs)])
            return all(not code for _, code, *_ in answer.topic_errors)

        await until(made, timeout_s=DEADLINE_S, what="the topic to be made anew")
        await until_led(admin, [topics.state])
    finally:
        await admin.close()


async def uncompacted(connection: KafkaConnection) -> Topics:
    """A cell with a state topic whose records can be taken away."""
    topics = fresh_topics()
    admin = AIOKafkaAdminClient(bootstrap_servers=list(connection.bootstrap))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topics.state, 1, 1, topic_configs={"cleanup.policy": "delete"})])
        await until_led(admin, [topics.state])
    finally:
        await admin.close()
    return topics


async def emptied(connection: KafkaConnection, topics: Topics, *, upto: int) -> None:
    """All records before an offset taken away, as a retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=list(connection.bootstrap))
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topics.state, 0): RecordsToDelete(upto)})
    finally:
        await admin.close()
