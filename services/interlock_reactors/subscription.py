"""One reactor's place in its topics: a consumer group, read by FastStream, acknowledged after the effect.

Rule: a batch is acknowledged only when its handler returned, and a handler returns only when each record had
its effect or became a dead letter; so what is killed in between comes again. What the broker is missing is
said once and waited for; topics are never created by reading them. A handler that fails by a mistake of ours
is tried again, and then its records are given up one by one: a mistake must not stop a topic for good.

FastStream's own ways were dropped where they lose records: acknowledging on error, its parser (a header that
is no text makes the record vanish), and making missing topics with one partition and no settings.
"""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from msgspec import Struct

from interlock_reactors.consumer import WholeConsumer, taken
from interlock_reactors.taken import Taken
from interlock_runtime.kafka.connection import KafkaConnection, Unreachable
from interlock_runtime.kafka.letting_go import ended
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.trouble import Trouble

POLL_MS: Final = 50
"""Between two looks at what was fetched: late enough to cost nothing, soon for anybody who reads it."""
SESSION_MS: Final = 6_000
"""A killed reactor's partitions are another's after this; brokers take no less by default."""
IDLE_MS: Final = 900_000
"""The longest that one batch may take before the group counts us as gone: above six tries of one alert."""
AGAIN_S: Final = 1.0
TRIES: Final = 3
STOP_S: Final = 3.0
"""For a batch under way at the stop; what is not done then comes again at the next start."""
CLOSE_S: Final = 5.0

_log = logging.getLogger(__name__)

Handle = Callable[[Sequence[Taken]], Awaitable[None]]


class Place(Struct, frozen=True, kw_only=True):
    """Which topics, under which group, how many records at a time."""

    topics: tuple[str, ...]
    group: str
    most: int = 1


class Subscription:
    """Reads until cancelled. `given_up` takes records that `handle` fails on."""

    def __init__(
        self, connection: KafkaConnection, place: Place, *, handle: Handle, given_up: Handle
    ) -> None:
        self._connection = connection
        self._place = place
        self._handle = handle
        self._given_up = given_up
        self._trouble = Trouble(_log, f"reading {', '.join(place.topics)}", monotonic=time.monotonic)
        self.trouble: str | None = "not connected yet"
        self.taken = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            broker = self._broker()
            try:
                await self._look()
                await self._start(broker)
                await asyncio.Event().wait()
            except Unreachable as error:
                self._is_on(str(error))
            except (KafkaError, OSError, TimeoutError) as error:
                self._is_on(self._sentence(error))
            finally:
                await ended(broker.stop(), STOP_S + CLOSE_S)
            await asyncio.sleep(AGAIN_S)

    async def _look(self) -> None:
        """Whether the topics are there: a consumer would wait for one without a word."""
        for topic in self._place.topics:
            reader = TopicReader(self._connection, topic)
            try:
                await reader.start()
            finally:
                await reader.close()

    def _broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            list(self._connection.bootstrap),
            client_id=f"interlock-{self._place.group}",
            consumer_only=True,
            allow_auto_create_topics=False,
            graceful_timeout=STOP_S,
            apply_types=False,
            logger=None,
        )
        reading = broker.subscriber(
            *self._place.topics,
            batch=True,
            max_records=self._place.most,
            batch_timeout_ms=POLL_MS,
            group_id=self._place.group,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            max_poll_interval_ms=IDLE_MS,
            no_reply=True,
            parser=_parsed,
            decoder=_decoded,
        )
        reading(self._one)
        return broker

    async def _start(self, broker: KafkaBroker) -> None:
        await broker.connect()
        broker.config.broker_config.builder = partial(
            WholeConsumer, heard=self._heard, **self._connection.client_options()
        )
        await broker.start()

    async def _one(self, message: Any) -> None:
        """One batch: its effect, then its acknowledgement."""
        records = [taken(one) for one in message.raw_message]
        for tried in range(1, TRIES + 1):
            try:
                await self._handle(records)
                break
            except Exception:  # noqa: BLE001  told below, and never in the way of what comes behind
                _log.exception("%s: a mistake of ours, try %d of %d", self._place.group, tried, TRIES)
                await asyncio.sleep(AGAIN_S)
        else:
            await self._given_up(records)
        self.taken += len(records)
        try:
            await message.ack()
        except KafkaError as error:  # it comes again, here or with whoever has the partition now
            _log.info("%s: an acknowledgement was not taken (%s)", self._place.group, type(error).__name__)

    def _heard(self, error: Exception | None) -> None:
        if error is None:
            self.trouble = None
            self._trouble.is_over()
        else:
            self._is_on(self._sentence(error))

    def _is_on(self, sentence: str) -> None:
        self.trouble = sentence
        self._trouble.is_on(sentence)

    def _sentence(self, error: Exception) -> str:
        return (
            f"Kafka at {self._connection.where} does not serve the group {self._place.group} "
            f"({type(error).__name__}): check that its brokers run, and that this user may read with it."
        )


async def _parsed(records: tuple[Any, ...], original: Any) -> Any:
    """The framework's message, made without its reading of headers."""
    bare = tuple(dataclasses.replace(one, headers=()) for one in records)
    message = await original(bare)
    message.raw_message = records
    return message


async def _decoded(message: Any) -> Any:
    """The handler gets the message itself: bytes are read by whoever knows them."""
    return message
