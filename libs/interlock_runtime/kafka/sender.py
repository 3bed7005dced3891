"""Sending to Kafka: records in order, acknowledged by all in-sync replicas, or a clear failure.

Rule: one batch is under way per partition, and the next one leaves after its acknowledgement; so a failure in
the middle never puts later records in front of earlier ones. After any failure the producer object is thrown
away, without waiting for it, and the next call makes a new one: what failed may still arrive, and the
sender's caller sends it again, so receivers drop duplicates.

The idempotent producer was dropped: it never gives a batch up, so with the broker gone both a send and the
stop hang for good. Sending record by record was dropped: those of one call may fall into two batches, and
the second can arrive without the first.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]
from aiokafka.producer.message_accumulator import BatchBuilder  # type: ignore[import-untyped]

from interlock_runtime.kafka.connection import KafkaConnection, Unreachable
from interlock_runtime.kafka.letting_go import ended
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.refusal import refusal

BATCH_BYTES: Final = 512 * 1024
"""Half of what a broker takes by default: no batch of small records is ever refused for its size."""

SEND_S: Final = 3.0
"""For a batch to be acknowledged; whoever sends tries again, and has to know by then that it must."""

RETIRE_S: Final = 2.0
"""For an abandoned producer to let go of its sockets; it sends nothing any more."""


BY_KEY: Final = DefaultPartitioner()
"""The same as every other client's, so that a key means one partition whoever sends."""


class Unsent(Exception):
    """Some records were not acknowledged: they may be in the topic or not. One sentence."""


class KafkaSender:
    """Sends one call after another. Streams that must not wait for each other need a sender each."""

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        client_id: str,
        timeout_s: float = SEND_S,
        compression: str | None = None,
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._compression = compression
        self._producer: AIOKafkaProducer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """Where each record stands, in order, once all are acknowledged; Unsent when any may be missing."""
        if not records:
            return []
        async with self._one_at_a_time:
            try:
                return await self._send(topic, records)
            except (KafkaError, TimeoutError, OSError, Unreachable) as error:
                self._throw_away()
                told = await refusal(self._connection, error) or self._sentence(topic, error)
                raise Unsent(told) from error

    async def close(self) -> None:
        """Let go of the brokers; never longer than a few seconds."""
        self._throw_away()
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=2 * RETIRE_S)

    async def _send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        producer = await self._started()
        async with asyncio.timeout(self._timeout_s):
            known = sorted(await producer.partitions_for(topic))
        sent: dict[int, SentRecord] = {}
        answers = await asyncio.gather(
            *(
                self._send_in_order(producer, topic, partition, [(n, records[n]) for n in those], sent)
                for partition, those in lanes(records, known).items()
            ),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [sent[n] for n in range(len(records))]

    async def _send_in_order(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        left: list[tuple[int, OutRecord]],
        sent: dict[int, SentRecord],
    ) -> None:
        """One partition's records, batch after batch."""
        start = 0
        while start < len(left):
            batch = producer.create_batch()
            end = start
            while end < len(left) and _append(batch, left[end][1]):
                end += 1
            async with asyncio.timeout(self._timeout_s):
                acknowledged = await producer.send_batch(batch, topic, partition=partition)
                acknowledged.add_done_callback(_look_at)
                first = await acknowledged
            for place, (n, record) in enumerate(left[start:end]):
                by_us = first.timestamp_type == 0 and record.timestamp_ms is not None
                timestamp_ms = record.timestamp_ms if by_us else first.timestamp
                sent[n] = SentRecord(partition, first.offset + place, timestamp_ms or 0)
            start = end

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                client_id=self._client_id,
                acks="all",
                max_batch_size=BATCH_BYTES,
                compression_type=self._compression,
                # Below our own timeout, so that the client gives a batch up before we give the client up.
                request_timeout_ms=int(self._timeout_s * 800),
                **self._connection.client_options(),
            )
            self._producer = producer
            async with asyncio.timeout(self._timeout_s):
                await producer.start()
        return self._producer

    def _throw_away(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            task = asyncio.create_task(_retire(producer))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def _sentence(self, topic: str, error: Exception) -> str:
        where = self._connection.where
        if isinstance(error, Unreachable):
            return str(error)
        if isinstance(error, UnknownTopicOrPartitionError):
            return f"Kafka at {where} has no topic {topic}: run `interlock migrate`."
        if isinstance(error, MessageSizeTooLargeError):
            return (
                f"Kafka at {where} refuses a record for {topic} because of its size: raise max.message.bytes."
            )
        if isinstance(error, TopicAuthorizationFailedError):
            return f"Kafka at {where} does not let us write to {topic}: grant this user the right."
        return (
            f"Kafka at {where} did not acknowledge records for {topic} within {self._timeout_s:g} s "
            f"({type(error).__name__}): check that its brokers run and answer."
        )


def lanes(records: Sequence[OutRecord], known: list[int]) -> dict[int, list[int]]:
    """Which records go to which partition, by their places, in order."""
    split: dict[int, list[int]] = {}
    for n, record in enumerate(records):
        partition = record.partition
        if partition is None:
            partition = BY_KEY(record.key, known, known)
        if partition not in known:
            raise UnknownTopicOrPartitionError
        split.setdefault(partition, []).append(n)
    return split


def _append(batch: BatchBuilder, record: OutRecord) -> bool:
    taken = batch.append(
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
    )
    return taken is not None


def _look_at(future: asyncio.Future[Any]) -> None:
    """Nobody may be waiting any more; an unseen failure would be reported as a mistake of ours."""
    if not future.cancelled():
        future.exception()


async def _retire(producer: AIOKafkaProducer) -> None:
    """Stop a producer without letting it send what it still holds: its own `stop` would, and may hang."""
    producer._closed = True
    await ended(producer._sender.close(), RETIRE_S)
    await ended(producer.client.close(), RETIRE_S)
