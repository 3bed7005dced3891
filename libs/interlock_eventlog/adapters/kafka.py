"""The log of everything in Kafka: one topic, one partition, position = offset + 1.

Rule: what is acknowledged is in all in-sync replicas, and positions are the broker's own, so they become
visible in order. Decisions come in through the journal's relay only: this adapter publishes facts. Where
retention removed the beginning, reading goes on at what is left: a reader from 0 sees a hole at the start,
which a fold must bridge with a checkpoint.

More partitions were dropped: caps, freezes and "state at T" need one order. A cached head was dropped: a
reader that stops at it would miss what another process was told is there.
"""

from collections.abc import Callable, Sequence
from typing import Final

from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.adapters.kafka_cursors import Cursors
from interlock_eventlog.adapters.kafka_decoding import RecordDecoder
from interlock_eventlog.adapters.kafka_finding import find
from interlock_eventlog.adapters.kafka_publishing import FactPublisher
from interlock_eventlog.adapters.kafka_tail import Tail
from interlock_eventlog.codec import CODEC, Codec
from interlock_eventlog.dead_letters import DeadLetter
from interlock_eventlog.queries import EventFilter, RawEvent
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Record, TopicReader
from interlock_runtime.kafka.sender import SEND_S, KafkaSender
from interlock_runtime.wake import Wake

PAGE: Final = 2_000
"""Records looked at in one go for one stream, or for a clock that stepped back."""

STEPPED_BACK: Final = 2_000
"""How far behind a moment an earlier one is looked for: a fail-over to a broker whose clock is a little
behind; a clock that is wrong by more than that many records is wrong for every reader."""

WOKEN: Final = 64
"""Waits whose reader has not come yet; more are not remembered, and cost their reader one question."""


class KafkaEventLog:
    """Reads like EventLog, takes facts, finds. `clock` stamps facts, in tests on a topic that lets it."""

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        clock: Callable[[], int] | None = None,
        codec: Codec = CODEC,
        *,
        client_id: str = "interlock-facts",
        send_s: float = SEND_S,
    ) -> None:
        def opened() -> TopicReader:
            return TopicReader(connection, topics.events)

        self._sender = KafkaSender(connection, client_id=client_id, timeout_s=send_s)
        self._publisher = FactPublisher(self._sender, topics.events, codec, clock=clock)
        self._decoder = RecordDecoder(topics.events, codec)
        self._asking = opened()
        self._cursors = Cursors(opened)
        self._tail = Tail(opened, self._seen)
        self._wake = Wake()
        self._known = 0
        self._woken: set[int] = set()

    @property
    def passed_over(self) -> int:
        """How many facts `read` could not read and replaced by a tick."""
        return self._decoder.passed_over

    def take_dead_letters(self) -> list[DeadLetter]:
        """What `read` passed over since the last take; the oldest go first when nobody takes them."""
        return self._decoder.take()

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See EventLog: kept once when this process published it lately; copies of others are the fold's to
        drop. Raises Unsent."""
        if not facts:
            return await self.head()
        position = await self._publisher.put(stream, facts)
        self._seen(position)
        return position

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog; positions may begin behind `after` + 1 where retention removed records."""
        if stream is None:
            return self._decoder.page(await self._records(after, limit))
        found: list[RecordedEvent] = []
        while len(found) < limit:
            page = self._decoder.page(await self._records(after, PAGE))
            if not page:
                break
            found += [event for event in page if event.stream == stream]
            after = page[-1].position
        return found[:limit]

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog. Looks a bounded distance onward for a clock that had stepped back."""
        if recorded_ms < 0:
            return 0
        later = await self._asking.offset_at(recorded_ms + 1)
        head = await self.head()
        if later is None:
            return head
        onward = await self._cursors.records(later, min(head, later + STEPPED_BACK), STEPPED_BACK)
        return max((record.offset + 1 for record in onward if record.timestamp <= recorded_ms), default=later)

    async def head(self) -> int:
        """See EventLog; asks the brokers."""
        before = self._known
        end = await self._asking.end()
        if end < before:  # all that was known before the question is in the answer: the topic is another one
            self._known = end
        self._seen(end)
        return end

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog. False also when the brokers cannot be reached: `read` says so."""
        if self._known <= after:
            if timeout_s <= 0:
                return await self.head() > after
            self._tail.follow(after, timeout_s)
            if not await self._wake.until(lambda: self._known > after, timeout_s):
                return False
        if len(self._woken) < WOKEN:
            self._woken.add(after)
        return True

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """See EventQueries; a bounded look."""
        start, end = await self._bounds(wanted)
        return await find(wanted, start, end, self._between, self._decoder)

    async def close(self) -> None:
        """Let go of the brokers, once what was published is sent or refused."""
        await self._publisher.close()
        await self._sender.close()
        await self._tail.close()
        await self._cursors.close()
        await self._asking.close()

    async def _records(self, after: int, limit: int) -> list[Record]:
        at_hand = self._tail.slice(after, limit)
        just_woken = after in self._woken
        self._woken.discard(after)
        if at_hand and (len(at_hand) == limit or (just_woken and self._tail.end >= self._known)):
            return at_hand
        end = await self.head()
        at_hand = self._tail.slice(after, limit)
        if at_hand and (len(at_hand) == limit or self._tail.end >= end):
            return at_hand
        return await self._cursors.records(after, end, limit)

    async def _between(self, start: int, end: int) -> list[Record]:
        return await self._cursors.records(start, end, end - start)

    async def _bounds(self, wanted: EventFilter) -> tuple[int, int]:
        """The offsets that the filter's positions and times leave, and the page before this one."""
        start, end = max(0, (wanted.from_position or 1) - 1), await self.head()
        if wanted.to_position is not None:
            end = min(end, wanted.to_position)
        if wanted.from_ms is not None:
            first = await self._asking.offset_at(max(0, wanted.from_ms))
            start = max(start, end if first is None else first)
        if wanted.to_ms is not None:
            end = min(end, await self.position_at(wanted.to_ms))
        if wanted.after and wanted.newest:
            end = min(end, wanted.after - 1)
        elif wanted.after:
            start = max(start, wanted.after)
        return max(start, await self._asking.begin()), end

    def _seen(self, end: int) -> None:
        if end > self._known:
            self._known = end
            self._wake.ring()
