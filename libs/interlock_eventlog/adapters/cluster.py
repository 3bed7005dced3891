"""Journal and Kafka as one event log: decisions through PostgreSQL, everything read from Kafka.

Rule: positions are the log's. `append` answers once the relay has noted where the decision stands in the log;
until then a caller would be told a position that nobody can read. The control plane itself uses the journal
alone, so that it goes on while Kafka is away; this composite is for whoever needs one log: the contract's
tests, tools, a replayer that writes.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import structs

from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.journal import Journal
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_eventlog.queries import EventFilter, EventQueries, RawEvent

PUBLISH_WAIT_S: Final = 5.0
"""Until the relay has noted a decision: a healthy one needs milliseconds, a take-over about a second."""


class NotPublished(Exception):
    """A decision stands in the journal, and the log has not got it yet. One sentence."""


class FactLog(EventQueries, Protocol):
    """The log without `append`: what `KafkaEventLog` is."""

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int: ...
    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]: ...
    async def position_at(self, recorded_ms: int) -> int: ...
    async def head(self) -> int: ...
    async def wait(self, after: int, timeout_s: float) -> bool: ...


class ClusterEventLog:
    """EventLog and EventQueries of a cluster; it closes neither of its parts."""

    def __init__(self, journal: Journal, log: FactLog, *, publish_wait_s: float = PUBLISH_WAIT_S) -> None:
        self._journal = journal
        self._log = log
        self._publish_wait_s = publish_wait_s

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog. Raises NotPublished: ask again with the same ids to learn the position."""
        answer = await self._journal.append(appends)
        if isinstance(answer, VersionConflict) or answer.position == 0:
            return answer
        position = await self._journal.log_position(answer.position, self._publish_wait_s)
        if position is None:
            raise NotPublished(
                f"the decision stands in the journal (j{answer.position}), but the log had not got it within "
                f"{self._publish_wait_s:g} s: check that a control plane runs and that it reaches Kafka."
            )
        return structs.replace(answer, position=position)

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See EventLog."""
        return await self._log.publish(stream, facts)

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        return await self._log.read(after=after, limit=limit, stream=stream)

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog."""
        return await self._log.position_at(recorded_ms)

    async def head(self) -> int:
        """See EventLog."""
        return await self._log.head()

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog."""
        return await self._log.wait(after, timeout_s)

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """See EventQueries."""
        return await self._log.find(wanted)
