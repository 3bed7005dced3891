"""Reading one partition of a topic: a place to read from, the records behind it, and where the topic ends.

Rule: the caller says where to read; nothing is committed, no group is joined, and an offset that is not there
is an error instead of a jump. `position` moves over what compaction removed, so compare it with `end` and
never with the offsets seen. Records are bytes: decoding belongs to the caller, who can pass over a bad one.
What the client itself cannot read (a header's name that is no UTF-8) comes as an UnreadableRecord, one for
each offset that is left of that batch; other producers' records are in other batches.

Two connections, because a broker answers one after another on each: a question about the end of the topic
would wait behind the long poll for new records, half a second. Consumer groups were dropped: an exception in
their assignment callback is swallowed, and records from a wrong offset arrive.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)
from msgspec import Struct

from interlock_runtime.kafka.connection import KafkaConnection, Unreachable
from interlock_runtime.kafka.letting_go import ended
from interlock_runtime.kafka.refusal import refusal

ANSWER_S: Final = 5.0
"""For one answer of a broker: a failover takes longer, and a caller has to be told by then."""

POLL_MS: Final = 500
"""A fetch waits so long at the broker for new records, then asks anew."""

FETCH_BYTES: Final = 4 * 1024 * 1024
"""Per fetch: some 8,000 facts, so that catching up costs few round trips; a larger record still comes."""

CLOSE_S: Final = 2.0
"""For a client to let go of its sockets."""

T = TypeVar("T")

__all__ = ["GoneOffset", "Record", "TopicReader", "Unreachable", "UnreadableRecord"]


class Record(Protocol):
    """What a fetch gives, as far as we read it: aiokafka's ConsumerRecord, which has no types."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...


class UnreadableRecord(Struct, frozen=True, kw_only=True):
    """A record that the client cannot take apart; the time is that of the record before it."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class GoneOffset(Unreachable):
    """The place asked for is not in the topic: removed by retention, or beyond its end."""


class TopicReader:
    """One place in one partition, for one task at a time; `begin` and `end` may be asked meanwhile."""

    def __init__(self, connection: KafkaConnection, topic: str, *, partition: int = 0) -> None:
        self._connection = connection
        self._place = TopicPartition(topic, partition)
        self._asking: AIOKafkaConsumer | None = None
        self._fetching: AIOKafkaConsumer | None = None
        self._next = 0
        self._sought = True
        self._last_ms = 0
        self._connecting = asyncio.Lock()

    async def start(self) -> None:
        """Connect, and see that the topic is there."""
        async with self._connecting:
            if self._asking is None:
                self._asking = await self._connected()

    async def begin(self) -> int:
        """The offset of the first record that is still there."""
        asking = await self._asker()
        return int((await self._answer(asking.beginning_offsets([self._place])))[self._place])

    async def end(self) -> int:
        """The offset behind the last record."""
        asking = await self._asker()
        return int((await self._answer(asking.end_offsets([self._place])))[self._place])

    async def offset_at(self, timestamp_ms: int) -> int | None:
        """The offset of the first record of that time or later; None when there is none."""
        asking = await self._asker()
        found = (await self._answer(asking.offsets_for_times({self._place: timestamp_ms})))[self._place]
        return int(found.offset) if found is not None else None

    def seek(self, offset: int) -> None:
        """Read on from here."""
        self._next, self._sought = offset, True

    def position(self) -> int:
        """The offset of the next record, behind the holes that compaction left."""
        return self._next

    async def fetch(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, as soon as there are any; none when the time passed first."""
        if self._fetching is None:
            self._fetching, self._sought = await self._connected(), True
        try:
            return await self._fetch(self._fetching, max_records, timeout_s)
        except UnicodeDecodeError:
            # The client lost what it had taken out before the bad record: read up to it one by one.
            return await self._fetch_singly(self._fetching, max_records)

    async def close(self) -> None:
        """Let go of the brokers; never longer than a few seconds."""
        asking, fetching, self._asking, self._fetching = self._asking, self._fetching, None, None
        await asyncio.gather(*(_stop(one) for one in (asking, fetching) if one is not None))

    async def _fetch(self, fetching: AIOKafkaConsumer, max_records: int, timeout_s: float) -> list[Record]:
        if self._sought:
            fetching.seek(self._place, self._next)
            fetching.resume(self._place)
        self._sought = True  # until this has gone well: what a failed call took out is read again
        try:
            async with asyncio.timeout(timeout_s + ANSWER_S):
                found = await fetching.getmany(
                    self._place, timeout_ms=round(timeout_s * 1000), max_records=max_records
                )
                self._next = await fetching.position(self._place)
        except OffsetOutOfRangeError as error:
            raise GoneOffset(
                f"the topic {self._place.topic} has no offset {self._next} (any more)."
            ) from error
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unreachable(await self._told(error)) from error
        self._sought = False
        records: list[Record] = list(found.get(self._place, ()))
        if records:
            self._last_ms = records[-1].timestamp
        return records

    async def _fetch_singly(self, fetching: AIOKafkaConsumer, max_records: int) -> list[Record]:
        found: list[Record] = []
        while len(found) < max_records:
            try:
                one = await self._fetch(fetching, 1, ANSWER_S)
            except UnicodeDecodeError:
                found.append(UnreadableRecord(offset=self._next, timestamp=self._last_ms))
                self._next += 1
                return found
            if not one:
                return found
            found.extend(one)
        return found

    async def _asker(self) -> AIOKafkaConsumer:
        await self.start()
        if self._asking is None:
            raise Unreachable("this reader is closed.")
        return self._asking

    async def _connected(self) -> AIOKafkaConsumer:
        consumer: AIOKafkaConsumer = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=POLL_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=int(ANSWER_S * 800),  # the client gives up before we give it up
            **self._connection.client_options(),
        )
        try:
            await self._answer(consumer.start())
            if self._place.topic not in await self._answer(consumer.topics()):
                raise Unreachable(self._sentence(UnknownTopicOrPartitionError()))
            # Assigned for the first question too: it would not know the topic's leader and wait for a retry.
            consumer.assign([self._place])
            consumer.seek(self._place, 0)
            consumer.pause(self._place)  # nowhere to read from yet
        except BaseException:
            await _stop(consumer)
            raise
        return consumer

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asked
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unreachable(await self._told(error)) from error

    async def _told(self, error: Exception) -> str:
        return await refusal(self._connection, error) or self._sentence(error)

    def _sentence(self, error: Exception) -> str:
        where = self._connection.where
        if isinstance(error, UnknownTopicOrPartitionError):
            return f"Kafka at {where} has no topic {self._place.topic}: run `interlock migrate`."
        return (
            f"Kafka at {where} does not answer about {self._place.topic} ({type(error).__name__}): "
            "check that its brokers run and answer."
        )


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a client; what it left open then is closed here."""
    if not await ended(consumer.stop(), CLOSE_S):
        await ended(consumer._client.close(), CLOSE_S)
