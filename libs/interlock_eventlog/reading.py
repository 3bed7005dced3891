"""Reading pages: bodies to events, with the rule for what cannot be read.

Rule: a position never vanishes. An unreadable fact is counted and replaced by a ClockTicked without
a source (time did pass, and the sender's gap shows in the fold as lost), so that a reader which
waits for `head > position` cannot spin on it. An unreadable decision ends the page before it, and
raises once it is the next one: folding past it would give a wrong state.
"""

from collections import Counter
from collections.abc import Iterable

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import CLOCK_STREAM, RecordedEvent
from interlock_eventlog.codec import CODEC, Codec, Undecodable, UndecodableReason
from interlock_eventlog.log import UnreadableDecision

Row = tuple[int, int, int | None, bytes]
"""position, recorded_ms, version (None for a fact), body."""


class PageReader:
    """Decodes rows in order and counts the facts it had to pass over, by reason."""

    def __init__(self, codec: Codec = CODEC) -> None:
        self.codec = codec
        self.passed_over: Counter[UndecodableReason] = Counter()

    def page(self, rows: Iterable[Row]) -> list[RecordedEvent]:
        """The rows as events; shorter when an unreadable decision is among them."""
        decode = self.codec.decode
        events: list[RecordedEvent] = []
        for position, recorded_ms, version, body in rows:
            found = decode(body, position, recorded_ms)
            if isinstance(found, Undecodable):
                if version is not None:
                    if not events:
                        raise UnreadableDecision(unreadable(found))
                    return events
                self.passed_over[found.reason] += 1
                found = stand_in(position, recorded_ms)
            events.append(found)
        return events


def stand_in(position: int, recorded_ms: int) -> RecordedEvent:
    """What a reader gets in the place of a fact that was passed over."""
    return RecordedEvent(
        position=position,
        recorded_ms=recorded_ms,
        stream=CLOCK_STREAM,
        version=None,
        id=f"unreadable/{position}",
        event=ClockTicked(),
    )


def unreadable(found: Undecodable) -> str:
    """The sentence of an UnreadableDecision."""
    return (
        f"the decision at position {found.position} ({found.type or 'no type'}) cannot be read: "
        f"{found.reason.value}, {found.detail}. Start the version of Interlock that wrote it."
    )
