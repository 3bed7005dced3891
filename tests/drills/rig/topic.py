"""Everything that stands on a topic now, whatever its partitions: for looking, not for following."""

from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import CODEC
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Record


async def whole_topic(connection: KafkaConnection, topic: str) -> list[tuple[int, Record]]:
    """The records with their partitions; those of one partition are in order."""
    # Without a group a named topic is assigned whole, and nobody else is told.
    consumer = AIOKafkaConsumer(
        topic, group_id=None, auto_offset_reset="earliest", **connection.client_options()
    )
    await consumer.start()
    try:
        places = consumer.assignment()
        ends = await consumer.end_offsets(places)
        left = {place for place in places if ends[place]}
        found: list[tuple[int, Record]] = []
        while left:
            taken = await consumer.getmany(*left, timeout_ms=200)
            found += [(place.partition, record) for place, records in taken.items() for record in records]
            left = {place for place in left if await consumer.position(place) < ends[place]}
        return found
    finally:
        await consumer.stop()


async def recorded_events(connection: KafkaConnection, topics: Topics) -> list[RecordedEvent]:
    """The whole log as events, copies included; what cannot be read is left out."""
    found = [
        CODEC.decode(record.value, record.offset + 1, record.timestamp)
        for _, record in await whole_topic(connection, topics.events)
        if record.value is not None
    ]
    return [one for one in found if isinstance(one, RecordedEvent)]
