"""Records of the events topic as events, and what is passed over on the way.

Rule: every offset gives an event, so a reader's position moves on whatever lies there; what cannot be read is
a dead letter and a tick in its place, as PageReader does it. An unreadable decision ends the page before it
and raises once it is the next one. A decision is believed to be one when its key names its stream, as the
relay writes it: a foreign record cannot stop the fold by claiming a version. (A real decision is never lost
by that: the gap that it leaves in its stream's versions stops the fold and has it sent again.)
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import Codec, Undecodable
from interlock_eventlog.dead_letters import FACT_BYTES, DeadLetter, DeadLetterReason, reason_of
from interlock_eventlog.log import UnreadableDecision
from interlock_eventlog.reading import stand_in, unreadable
from interlock_runtime.kafka.reader import Record, UnreadableRecord

LETTERS: Final = 1_000
"""Letters that wait to be taken: the projector takes them with every commit; beyond that the oldest goes."""


class RecordDecoder:
    """Decodes pages and keeps the letters of what it passed over."""

    def __init__(self, topic: str, codec: Codec) -> None:
        self._topic = topic
        self._codec = codec
        self._letters: deque[DeadLetter] = deque(maxlen=LETTERS)
        self.passed_over = 0

    def page(self, records: Iterable[Record]) -> list[RecordedEvent]:
        """The records as events; shorter when an unreadable decision is among them."""
        events: list[RecordedEvent] = []
        for record in records:
            found = self.read(record)
            if isinstance(found, Undecodable):
                if not events:
                    raise UnreadableDecision(unreadable(found))
                break
            if isinstance(found, DeadLetter):
                self.passed_over += 1
                self._letters.append(found)
                found = stand_in(record.offset + 1, record.timestamp)
            events.append(found)
        return events

    def take(self) -> list[DeadLetter]:
        """The letters since the last take."""
        taken = list(self._letters)
        self._letters.clear()
        return taken

    def read(self, record: Record) -> RecordedEvent | DeadLetter | Undecodable:
        """The event; a letter for what may be passed over; Undecodable for a decision, which may not."""
        value = record.value
        if value is None:
            bad = isinstance(record, UnreadableRecord)
            return self._letter(record, DeadLetterReason.BAD_HEADER if bad else DeadLetterReason.NULL_VALUE)
        found = self._codec.decode(value, record.offset + 1, record.timestamp)
        if found.version is None and len(value) > FACT_BYTES:
            return self._letter(record, DeadLetterReason.TOO_LARGE, f"{len(value)} bytes")
        if isinstance(found, Undecodable) and found.version is None:
            return self._letter(record, reason_of(found.reason), found.detail)
        if record.key != (found.stream or "").encode():
            return self._letter(record, DeadLetterReason.WRONG_KEY, f"the body names {found.stream}")
        return found

    def _letter(self, record: Record, reason: DeadLetterReason, detail: str = "") -> DeadLetter:
        return DeadLetter(
            topic=self._topic,
            partition=0,
            offset=record.offset,
            recorded_ms=record.timestamp,
            reason=reason,
            detail=detail,
            key=record.key,
            headers=tuple((name, header or b"") for name, header in record.headers),
            value=record.value,
        )
