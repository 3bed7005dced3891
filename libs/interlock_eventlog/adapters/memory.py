"""The log in memory: for tests, simulations and replays; gone with its process.

Rule: no method awaits between reading and writing, so each is atomic on its loop. Events are kept as
they came; bodies are made only when somebody asks for them.
"""

from collections.abc import Callable, Iterable, Sequence

from interlock_domain.events import Event
from interlock_domain.recorded import BatchPart, NewEvent, RecordedEvent
from interlock_eventlog.codec import CODEC, Codec
from interlock_eventlog.envelope import subject_of
from interlock_eventlog.log import Appended, StreamAppend, VersionConflict
from interlock_eventlog.placing import Place, plan_append, repeated_append
from interlock_eventlog.queries import EventFilter, RawEvent
from interlock_runtime.wake import Wake


class MemoryEventLog:
    """EventLog and EventQueries over a list; `clock` gives wall milliseconds."""

    def __init__(self, clock: Callable[[], int], *, codec: Codec = CODEC) -> None:
        self._clock = clock
        self._codec = codec
        self._events: list[RecordedEvent] = []
        self._places: dict[str, Place] = {}
        self._versions: dict[str, int] = {}
        self._streams: dict[str, list[int]] = {}
        self._wake = Wake()

    async def append(self, appends: Sequence[StreamAppend]) -> Appended | VersionConflict:
        """See EventLog."""
        repeated = repeated_append(appends, self._places.get)
        if repeated is not None:
            return repeated
        plan = plan_append(appends, lambda stream: self._versions.get(stream, 0))
        if isinstance(plan, VersionConflict):
            return plan
        now = self._clock()
        for one in plan.placed:
            self._write(now, one.stream, one.new, version=one.version, batch=one.batch)
            self._versions[one.stream] = one.version
        self._wake.ring()
        return Appended(position=len(self._events), versions=plan.versions)

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See EventLog."""
        now = self._clock()
        for new in facts:
            if new.id not in self._places:
                self._write(now, stream, new)
        self._wake.ring()
        return self._places[facts[-1].id].position if facts else len(self._events)

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        if stream is None:
            return self._events[after : after + limit]
        positions = [position for position in self._streams.get(stream, ()) if position > after]
        return [self._events[position - 1] for position in positions[:limit]]

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog."""
        found = (one.position for one in reversed(self._events) if one.recorded_ms <= recorded_ms)
        return next(found, 0)

    async def head(self) -> int:
        """See EventLog."""
        return len(self._events)

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog."""
        return await self._wake.until(lambda: len(self._events) > after, timeout_s)

    async def find(self, wanted: EventFilter) -> list[RawEvent]:
        """See EventQueries."""
        order: Iterable[RecordedEvent] = reversed(self._events) if wanted.newest else self._events
        found = (self._raw(one) for one in order if _fits(one, wanted))
        return [raw for raw, _ in zip(found, range(wanted.limit), strict=False)]

    def _write(
        self,
        now: int,
        stream: str,
        new: NewEvent,
        *,
        version: int | None = None,
        batch: BatchPart | None = None,
    ) -> None:
        position = len(self._events) + 1
        event: Event = new.event
        self._events.append(
            RecordedEvent(
                position=position,
                recorded_ms=now,
                stream=stream,
                version=version,
                id=new.id,
                event=event,
                batch=batch,
                actor=new.actor,
                reason=new.reason,
                correlation=new.correlation,
                causation=new.causation,
                source=new.source,
                age_ms=new.age_ms,
                traceparent=new.traceparent,
            )
        )
        self._places[new.id] = Place(position, stream, version)
        self._streams.setdefault(stream, []).append(position)

    def _raw(self, one: RecordedEvent) -> RawEvent:
        new = NewEvent(
            id=one.id,
            event=one.event,
            actor=one.actor,
            reason=one.reason,
            correlation=one.correlation,
            causation=one.causation,
            source=one.source,
            age_ms=one.age_ms,
            traceparent=one.traceparent,
        )
        return RawEvent(
            position=one.position,
            recorded_ms=one.recorded_ms,
            stream=one.stream,
            type=type(one.event).__name__,
            body=self._codec.encode(new, one.stream, one.version, one.batch),
        )


def _fits(one: RecordedEvent, wanted: EventFilter) -> bool:
    if wanted.after and (one.position >= wanted.after if wanted.newest else one.position <= wanted.after):
        return False
    return (
        wanted.stream in {None, one.stream}
        and wanted.subject in {None, subject_of(one.stream, one.event)}
        and wanted.type in {None, type(one.event).__name__}
        and _within(one.position, wanted.from_position, wanted.to_position)
        and _within(one.recorded_ms, wanted.from_ms, wanted.to_ms)
    )


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
