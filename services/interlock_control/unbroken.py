"""A log that is read without a hole, or not at all: for folds that begin in the past.

Rule: where retention has removed what a fold would have needed, that is said; a state folded over a hole
looks like any other and is wrong. Only for logs without holes in their positions, as Kafka's are.
"""

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.log import LogReader


class PastGone(Exception):
    """The log begins behind the place that was asked for, and no checkpoint bridges it."""


class Unbroken:
    """LogReader that raises PastGone instead of beginning behind `after` + 1."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self.position_at = log.position_at
        self.head = log.head
        self.wait = log.wait

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        records = await self._log.read(after=after, limit=limit, stream=stream)
        if stream is None and records and records[0].position > after + 1:
            raise PastGone(
                f"the log begins at position {records[0].position}, and there is no checkpoint between "
                f"{after} and there: ask for a later place, or keep events longer (retention.events)"
            )
        return records
