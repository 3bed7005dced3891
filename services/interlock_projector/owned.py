"""A projection in the hands of its owner: reads the log, folds, commits all at once.

Rule: what was folded and not yet committed is kept until a commit took it; a commit never ends inside a batch
of decisions, because the state's own position does not. False from the store means that the owner was fenced
off: from then on this object writes nothing.
"""

from collections.abc import Sequence

from msgspec import Struct

from interlock_domain.events import ClockTicked
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.rows import take_changed_rows
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.log import UnreadableDecision
from interlock_projector.beside import Beside
from interlock_projector.clock import Clock
from interlock_projector.followed import FollowedLog
from interlock_projector.halt import Halt, fenced, gap, undecodable
from interlock_projector.restore import READ, Restored
from interlock_views.live_state import LiveState
from interlock_views.slices import fold_slices
from interlock_views.views import DeadLetter, ViewCommit, Views


class Step(Struct, frozen=True, kw_only=True):
    """What one turn folded; `rows` and `effects` are durable when `committed`."""

    folded: int
    committed: bool = False
    rows: dict[str, bytes | None] = {}
    effects: tuple[Effect, ...] = ()


class OwnedProjection:
    """The state, how far the log was read, and what waits for the next commit."""

    def __init__(
        self,
        log: FollowedLog,
        views: Views,
        clock: Clock,
        *,
        name: str,
        epoch: int,
        restored: Restored,
        beside: Beside,
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.state = restored.state
        self.read = restored.state.position
        self.recorded_ms = restored.recorded_ms
        self.live = LiveState(restored.state, clock)
        self.live.commit(self.read)
        self.halt: Halt | None = None
        self.events = 0
        self.commits = 0
        self.skipped = 0
        self._log = log
        self._views = views
        self._clock = clock
        self._rows: dict[str, bytes | None] = {}
        self._effects: list[Effect] = []
        self._beside = beside
        self._letters: list[DeadLetter] = []

    async def advance(self, *, upto: int | None = None) -> Step:
        """Read and fold once, and commit what stands complete, also what an earlier turn could not."""
        limit = READ if upto is None else max(1, min(READ, upto - self.read))
        try:
            records = await self._log.read(after=self.read, limit=limit)
        except UnreadableDecision as error:
            self.halt = undecodable(self.name, str(error))
            return Step(folded=0)
        self._letters += self._beside.passed_over()
        traces = self._beside.traces
        span = traces.begin(records) if traces is not None and records else None
        try:
            return await self._fold_and_commit(records)
        finally:
            if span is not None:
                span.ended(self.read, committed=self.live.committed == self.state.position)

    async def _fold_and_commit(self, records: Sequence[RecordedEvent]) -> Step:
        if records:
            await self._fold(records)
        if self.halt is not None or self.state.position == self.live.committed:
            return Step(folded=len(records))
        return await self._commit(len(records))

    async def _fold(self, records: Sequence[RecordedEvent]) -> None:
        self._effects += await fold_slices(self.state, records, self._clock)
        self.read = records[-1].position
        self.recorded_ms = records[-1].recorded_ms
        self.events += len(records)
        self.skipped += sum(_stands_for_unread(record) for record in records)
        self.live.folded()
        missing = self.state.gap
        if missing is not None and self._beside.healer is None:
            self.halt = gap(self.name, f"{missing.stream} version {missing.expected}, found {missing.got}")

    async def _commit(self, folded: int) -> Step:
        self._rows.update(take_changed_rows(self.state))
        rows, effects = dict(self._rows), tuple(self._effects)
        if not await self.write(rows, effects, self.state.position):
            return Step(folded=folded)
        self._rows.clear()
        self._effects.clear()
        self._letters.clear()
        return Step(folded=folded, committed=True, rows=rows, effects=effects)

    async def write(self, rows: dict[str, bytes | None], effects: tuple[Effect, ...], position: int) -> bool:
        """One view commit; False and a halt when somebody else owns the projection."""
        step = ViewCommit(
            projection=self.name,
            epoch=self.epoch,
            expected_position=self.live.committed,
            position=position,
            rows=rows,
            effects=effects,
            dead_letters=tuple(self._letters),
        )
        if not await self._views.commit(step):
            self.halt = fenced(self.name, self.epoch, stands_by=self._beside.stands_by)
            return False
        self.commits += 1
        self.live.commit(position)
        return True

    def stands_complete(self) -> bool:
        """True when nothing read is still staged: the only moments for a checkpoint."""
        return self.state.position == self.read and self.live.committed == self.read


def _stands_for_unread(record: RecordedEvent) -> bool:
    """The log shows a fact that it cannot read as a tick without a source."""
    return record.source is None and isinstance(record.event, ClockTicked)
