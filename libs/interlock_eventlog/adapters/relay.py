"""The relay: copies the journal's decisions to the log in their order, and notes where they stand.

Rule: always from the first entry without a place, always in position order, always noted after the brokers'
acknowledgement. Whatever happens between sending and noting makes copies, never gaps, and every fold skips a
copy by its version; so a relay that lost its lock unawares can only send again what the log has or will have.

Kafka transactions were dropped: they would hide copies that harm nobody, and a client that speaks their old
protocol can lose or tear one. A notice per entry (change capture) was dropped: its consumer is one more
service whose place must be kept.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from interlock_eventlog.journal import Outbox, PublishedAt, Unpublished
from interlock_runtime.cell_rows import RELAY
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import Unsent
from interlock_runtime.postgres import PostgresError
from interlock_runtime.trouble import Trouble

RELAY_LOCK: Final = RELAY

BATCH: Final = 500
"""Entries of one look: at a few hundred bytes each some 200 KB, one round trip to the brokers."""

IDLE_S: Final = 5.0
"""To wait for a notice before looking again; the outbox looks by itself sooner where notices may be lost."""

FIRST_PAUSE_S: Final = 0.1
"""After a failure."""

LONGEST_PAUSE_S: Final = 2.0
"""The pause doubles up to this: how much later than the brokers themselves the relay is back, at worst."""

HAND_OVER_S: Final = 15.0
"""When the brokers have been away for so long, the lock is let go: another process may reach them. Not at the
first failure, so that one process tells the lag of an outage from its beginning to its end."""

SOURCE: Final = b"/interlock/journal"
"""`ce_source` of every decision: ids are unique in the journal."""

_log = logging.getLogger(__name__)


class RelayStatus(Struct, frozen=True, kw_only=True):
    """What the metrics say. Only the active relay knows what waits."""

    active: bool
    published: int
    """Copies that this process sent and noted."""
    waiting: int
    """Entries without a place at the last look, at most BATCH."""
    lag_s: float
    """How long the first of them has been waiting under this relay's eyes."""


class Sender(Protocol):
    """What the relay asks of `KafkaSender`."""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """All acknowledged, in order, or Unsent."""
        ...


class SoleOwner(Protocol):
    """What the relay asks of `AdvisoryLock`."""

    async def holding(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while nobody else does."""
        ...


class Relay:
    """Runs in every control process; one at a time is active. `generation` is the cluster's."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        *,
        topics: Topics,
        lock: SoleOwner,
        generation: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._topic = topics.events
        self._lock = lock
        self._generation = generation
        self._monotonic = monotonic
        self._trouble = Trouble(_log, "publishing decisions", monotonic=monotonic)
        self._active = False
        self._published = 0
        self._waiting = 0
        self._first = (0, 0.0)
        self._pause_s = FIRST_PAUSE_S

    def status(self) -> RelayStatus:
        """How it stands now."""
        lag_s = self._monotonic() - self._first[1] if self._waiting else 0.0
        return RelayStatus(active=self._active, published=self._published, waiting=self._waiting, lag_s=lag_s)

    async def run(self) -> None:
        """Until cancelled. Failures of database and brokers are said once and tried again."""
        while True:
            try:
                await self._lock.holding(self._publish)
            except (Unsent, PostgresError) as error:
                self._trouble.is_on(error)
            await self._pause()

    async def drain(self) -> int:
        """Publish all that waits, once, in the hands of whoever holds the lock; how many. Raises Unsent and
        PostgresError."""
        before = self._published
        while entries := await self._outbox.unpublished(BATCH):
            await self._send(entries)
        return self._published - before

    async def _publish(self) -> None:
        self._active = True
        began = self._monotonic()
        try:
            while True:
                try:
                    await self._step()
                    began = self._monotonic()
                except Unsent as error:
                    self._trouble.is_on(error)
                    if self._monotonic() - began > HAND_OVER_S:
                        raise
                    await self._pause()
        finally:
            self._active, self._waiting = False, 0

    async def _step(self) -> None:
        entries = await self._outbox.unpublished(BATCH)
        self._waiting = len(entries)
        if not entries:
            self._well()
            await self._outbox.wait(IDLE_S)
            return
        if self._first[0] != entries[0].position:
            self._first = (entries[0].position, self._monotonic())
        await self._send(entries)
        self._waiting = 0
        self._well()

    async def _send(self, entries: Sequence[Unpublished]) -> None:
        sent = await self._sender.send(self._topic, [record_of(entry) for entry in entries])
        await self._outbox.published(places_of(entries, sent), self._generation)
        self._published += len(entries)

    async def _pause(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _well(self) -> None:
        self._trouble.is_over()
        self._pause_s = FIRST_PAUSE_S


def record_of(entry: Unpublished) -> OutRecord:
    """The record of a decision: a CloudEvent in binary mode, with the envelope as its value."""
    return OutRecord(
        key=entry.stream.encode(),
        value=entry.body,
        headers=(
            ("ce_specversion", b"1.0"),
            ("ce_id", entry.id.encode()),
            ("ce_type", entry.type.encode()),
            ("ce_source", SOURCE),
        ),
    )


def places_of(entries: Sequence[Unpublished], sent: Sequence[SentRecord]) -> list[PublishedAt]:
    """Log positions count from 1, offsets from 0."""
    return [
        PublishedAt(position=entry.position, log_position=one.offset + 1, log_ms=one.timestamp_ms)
        for entry, one in zip(entries, sent, strict=True)
    ]
