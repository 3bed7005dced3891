"""A Kafka consumer that loses nothing to a record that the client library cannot take apart.

Rule: records are handed out from one partition at a time, so a failure in one takes nothing of another's with
it. A header whose name is no UTF-8 makes the library raise, and again for everything that is left of that
batch: then the records before it are read one by one, and each of the others is handed out as unreadable,
with its place. Dropped: the library's own reading over all partitions at once, where such a record throws
away what was taken from the partitions before it while their positions have moved on.
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from interlock_reactors.taken import Taken

UNREADABLE: Final = -9
"""Timestamp type of a record that stands for an unreadable one; Kafka's own are 0 and 1."""


class WholeConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """The consumer that the framework is given. `heard` hears of each failure, and None when it reads."""

    def __init__(self, *topics: str, heard: Callable[[Exception | None], None], **options: Any) -> None:
        super().__init__(*topics, **options)
        self._heard = heard
        self._careful: dict[TopicPartition, int | None] = {}
        """Partitions that are read one by one; the last offset that was unreadable."""
        self._turn = 0

    async def getmany(
        self, *_: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """What the next partition has ready, or nothing: whoever asks waits `timeout_ms` by itself."""
        try:
            found = await self._next(max_records or 1)
        except (KafkaError, OSError) as error:
            self._heard(error)
            raise
        self._heard(None)
        return found

    async def _next(self, most: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        places = sorted(self.assignment())
        if not places:  # asked all the same: it keeps our place in the group
            return dict(await super().getmany(timeout_ms=0, max_records=1))
        for step in range(len(places)):
            place = places[(self._turn + step) % len(places)]
            if records := await self._of(place, most):
                self._turn += step + 1
                return {place: records}
        return {}

    async def _of(self, place: TopicPartition, most: int) -> list[ConsumerRecord]:
        careful = place in self._careful
        try:
            found = await super().getmany(place, timeout_ms=0, max_records=1 if careful else most)
        except UnicodeDecodeError:
            if not careful:
                self._careful[place] = None
                return []
            return [await self._unreadable(place)]
        records: list[ConsumerRecord] = list(found.get(place, ()))
        if records and self._careful.get(place) is not None:
            del self._careful[place]  # behind the batch that could not be read
        return records

    async def _unreadable(self, place: TopicPartition) -> ConsumerRecord:
        offset = await self.position(place)
        self.seek(place, offset + 1)
        self._careful[place] = offset
        return ConsumerRecord(
            topic=place.topic,
            partition=place.partition,
            offset=offset,
            timestamp=0,
            timestamp_type=UNREADABLE,
            key=None,
            value=None,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=-1,
            headers=(),
        )


def taken(record: ConsumerRecord) -> Taken:
    """A consumed record as reactors know it."""
    return Taken(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        recorded_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
        readable=record.timestamp_type != UNREADABLE,
    )
