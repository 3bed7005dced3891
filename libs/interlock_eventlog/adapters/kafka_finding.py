"""Finding events in the events topic: pages for people, by looking through it.

Rule: Kafka has no index by stream or type, so a page is a bounded look: newest first in windows from the end,
oldest first from the place that the filter names. A look that met its bound gives what it found by then. An
index beside the topic was dropped: it would be a second log to keep true, for pages that people ask for.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.adapters.kafka_decoding import RecordDecoder
from interlock_eventlog.codec import Undecodable
from interlock_eventlog.dead_letters import DeadLetter
from interlock_eventlog.envelope import subject_of
from interlock_eventlog.queries import EventFilter, RawEvent
from interlock_runtime.kafka.reader import Record

FIRST_WINDOW: Final = 500
"""Records of the first look: a page of the newest hundred needs one."""

WINDOW: Final = 4_000
"""Records of one look, at most: some 30 ms of decoding, then others on the loop have their turn."""

LOOKED_AT: Final = 500_000
"""Records looked at for one page, at most: ten seconds or so; whoever asks gives up around then."""

Read = Callable[[int, int], Awaitable[list[Record]]]
"""The records of [start, end)."""


async def find(
    wanted: EventFilter, start: int, end: int, read: Read, decoder: RecordDecoder
) -> list[RawEvent]:
    """The matching records of [start, end), in the order that the filter asks for."""
    found: list[RawEvent] = []
    async for records in _windows(start, end, read, newest=wanted.newest):
        for record in records:
            event = _matching(wanted, record, decoder)
            if event is not None:
                found.append(event)
            if len(found) >= wanted.limit:
                return found
    return found


async def _windows(start: int, end: int, read: Read, *, newest: bool) -> AsyncIterator[list[Record]]:
    size, left = FIRST_WINDOW, LOOKED_AT
    while start < end and left > 0:
        if newest:
            low = max(start, end - size)
            records = await read(low, end)
            end = low
            records.reverse()
        else:
            high = min(end, start + size)
            records = await read(start, high)
            start = high
        yield records
        left -= size
        size = min(2 * size, WINDOW)


def _matching(wanted: EventFilter, record: Record, decoder: RecordDecoder) -> RawEvent | None:
    if wanted.stream is not None and record.key != wanted.stream.encode():
        return None
    if wanted.from_ms is not None and record.timestamp < wanted.from_ms:
        return None
    if wanted.to_ms is not None and record.timestamp > wanted.to_ms:
        return None
    found = decoder.read(record)
    if isinstance(found, DeadLetter) or record.value is None:
        return None
    kind, subject = _about(found)
    if wanted.type not in {None, kind} or wanted.subject not in {None, subject}:
        return None
    return RawEvent(
        position=record.offset + 1,
        recorded_ms=record.timestamp,
        stream=found.stream or "",
        type=kind,
        body=record.value,
    )


def _about(found: RecordedEvent | Undecodable) -> tuple[str, str]:
    """Type and subject; of a decision that this program cannot read, as far as the envelope tells."""
    if isinstance(found, Undecodable):
        return found.type or "", found.stream or ""
    return type(found.event).__name__, subject_of(found.stream, found.event)
