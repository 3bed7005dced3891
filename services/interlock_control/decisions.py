"""Where decisions stand, as commands see it: a log in which facts are a thousand times as many, or a journal.

Rule: in a log, one indexed page per event type up to a fixed head, merged by position: the cost is that of
the decisions, whatever lies between them. Dropped: reading the log from the last position, because after an
hour of traffic each command would first decode that hour. A journal holds nothing else and is read as it is.
"""

from collections.abc import Sequence
from typing import Final, Protocol, get_args

from interlock_domain.events import Decision
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import CODEC, Undecodable
from interlock_eventlog.journal import Journal
from interlock_eventlog.log import (
    Appended,
    EventLog,
    FactSink,
    LogReader,
    StreamAppend,
    UnreadableDecision,
    VersionConflict,
)
from interlock_eventlog.queries import EventFilter, EventQueries

TYPES: Final[tuple[str, ...]] = tuple(event.__name__ for event in get_args(Decision))
PAGE: Final = 1_000
"""A first configuration of a thousand targets is two pages."""


class History(LogReader, FactSink, EventQueries, Protocol):
    """What happened: to be read, searched, and added to by those who only report."""


class SearchableLog(EventLog, EventQueries, Protocol):
    """A log that is its own journal, with an index."""


class DecisionLog(Protocol):
    """What the one who decides needs: every decision up to now, and to append after them."""

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog."""
        ...

    async def head(self) -> int:
        """The last position; whatever anybody was told of stands at or before it."""
        ...

    async def between(self, after: int, head: int) -> list[RecordedEvent]:
        """Every decision with after < position <= head, in order."""
        ...


class LogDecisions:
    """Decisions of a log that is its own journal."""

    def __init__(self, log: SearchableLog) -> None:
        self._log = log
        self.append = log.append
        self.head = log.head

    async def between(self, after: int, head: int) -> list[RecordedEvent]:
        """See DecisionLog."""
        return await decisions_between(self._log, after, head)


class JournalDecisions:
    """Decisions of a cluster's journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.append = journal.append
        self.head = journal.head

    async def between(self, after: int, head: int) -> list[RecordedEvent]:
        """See DecisionLog."""
        found: list[RecordedEvent] = []
        while after < head:
            page = await self._journal.read(after=after, limit=min(PAGE, head - after))
            if not page:
                return found
            found += page
            after = page[-1].position
        return found


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
