"""Reading decisions alone out of a log in which facts are a thousand times as many.

Rule: one indexed page per event type up to a fixed head, merged by position: the cost is that of the
decisions, whatever lies between them. Dropped: reading the log from the last position, because after an
hour of traffic each command would first decode that hour.
"""

from typing import Final, Protocol, get_args

from interlock_domain.events import Decision
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import CODEC, Undecodable
from interlock_eventlog.log import EventLog, UnreadableDecision
from interlock_eventlog.queries import EventFilter, EventQueries

TYPES: Final[tuple[str, ...]] = tuple(event.__name__ for event in get_args(Decision))
PAGE: Final = 1_000
"""A first configuration of a thousand targets is two pages."""


class SearchableLog(EventLog, EventQueries, Protocol):
    """A log with an index, as the embedded store and the journal have."""


async def decisions_between(log: EventQueries, after: int, head: int) -> list[RecordedEvent]:
    """Every decision with after < position <= head, in log order."""
    found: list[RecordedEvent] = []
    for name in TYPES:
        found += await _of_type(log, name, after, head)
    found.sort(key=lambda record: record.position)
    return found


async def _of_type(log: EventQueries, name: str, after: int, head: int) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    while True:
        page = await log.find(EventFilter(type=name, after=after, to_position=head, limit=PAGE))
        for raw in page:
            record = CODEC.decode(raw.body, raw.position, raw.recorded_ms)
            if isinstance(record, Undecodable):
                raise UnreadableDecision(
                    f"the decision at position {raw.position} cannot be read: {record.detail}"
                )
            found.append(record)
        if len(page) < PAGE:
            return found
        after = page[-1].position
