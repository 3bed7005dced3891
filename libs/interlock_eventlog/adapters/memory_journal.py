"""The journal in memory, over a log in memory: for tests of the relay and of what stands before it.

Rule: the same answers as the one in PostgreSQL; positions are the inner log's, which holds decisions only.
"""

from collections.abc import Callable, Sequence

from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.codec import CODEC, Codec
from interlock_eventlog.journal import PublishedAt, Unpublished
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_eventlog.queries import EventFilter
from interlock_runtime.wake import Wake


class MemoryJournal:
    """Journal and Outbox; `clock` gives wall milliseconds."""

    def __init__(self, clock: Callable[[], int], *, codec: Codec = CODEC) -> None:
        self._log = MemoryEventLog(clock, codec=codec)
        self._places: dict[int, PublishedAt] = {}
        self._noted = Wake()
        self._came = Wake()
        self._count = 0
        self._looked = -1

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See Journal."""
        answer = await self._log.append(appends)
        self._something_came()
        return answer

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See Journal."""
        return await self._log.read(after=after, limit=limit, stream=stream)

    async def head(self) -> int:
        """See Journal."""
        return await self._log.head()

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        """See Journal."""
        await self._noted.until(lambda: position in self._places, timeout_s)
        place = self._places.get(position)
        return None if place is None else place.log_position

    async def unpublished(self, limit: int) -> list[Unpublished]:
        """See Outbox."""
        self._looked = self._count
        events = await self._log.read(after=0, limit=await self._log.head())
        waiting = [event for event in events if event.position not in self._places][:limit]
        return [await self._entry(event) for event in waiting]

    async def published(self, places: Sequence[PublishedAt], generation: int) -> None:
        """See Outbox."""
        for place in places:
            self._places.setdefault(place.position, place)
        self._noted.ring()

    async def publish_again(self, stream: str, version: int) -> int:
        """See Outbox."""
        events = await self._log.read(after=0, limit=await self._log.head())
        first = next((e.position for e in events if (e.stream, e.version) == (stream, version)), None)
        forgotten = [] if first is None else [known for known in self._places if known >= first]
        for position in forgotten:
            del self._places[position]
        self._something_came()
        return len(forgotten)

    async def wait(self, timeout_s: float) -> bool:
        """See Outbox."""
        return await self._came.until(lambda: self._count != self._looked, timeout_s)

    def _something_came(self) -> None:
        self._count += 1
        self._came.ring()

    async def _entry(self, event: RecordedEvent) -> Unpublished:
        here = EventFilter(from_position=event.position, to_position=event.position)
        (raw,) = await self._log.find(here)
        return Unpublished(
            position=event.position,
            stream=event.stream,
            version=event.version or 0,
            id=event.id,
            type=raw.type,
            body=raw.body,
        )
