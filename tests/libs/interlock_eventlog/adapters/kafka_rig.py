"""A Kafka log for tests: a topic that takes our times, and records that nobody of ours would write."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

from interlock_eventlog.adapters.kafka import KafkaEventLog
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_testing.services.cells import fresh_topics, until_led
from interlock_testing.services.kafka import KafkaService


async def events_topic(kafka: KafkaService, **configs: str) -> Topics:
    """A fresh events topic: records keep the time that the sender gave them, and stay whatever it is."""
    topics = fresh_topics()
    wanted = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"} | configs
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topics.events, 1, 1, topic_configs=wanted)])
        await until_led(admin, [topics.events])
    finally:
        await admin.close()
    return topics


def connection_to(kafka: KafkaService) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


@asynccontextmanager
async def log_at(
    kafka: KafkaService, topics: Topics, clock: Callable[[], int] | None = None
) -> AsyncIterator[KafkaEventLog]:
    log = KafkaEventLog(connection_to(kafka), topics, clock, send_s=30.0)
    try:
        yield log
    finally:
        await log.close()


async def put(kafka: KafkaService, topics: Topics, *records: OutRecord) -> None:
    """Records as some other program would send them."""
    sender = KafkaSender(connection_to(kafka), client_id="stranger", timeout_s=20.0)
    try:
        await sender.send(topics.events, records)
    finally:
        await sender.close()
