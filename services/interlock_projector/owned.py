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
from interlock_eventlog.log import EventLog, UnreadableDecision
from interlock_projector.clock import Clock
from interlock_projector.halt import Halt, fenced, gap, undecodable
from interlock_projector.live import LiveState
from interlock_projector.restore import READ, Restored
from interlock_projector.slices import fold_slices
from interlock_views.views import ViewCommit, Views


class Step(Struct, frozen=True, kw_only=True):
    """What one turn folded; `rows` and `effects` are durable when `committed`."""

    folded: int
    committed: bool = False
    rows: dict[str, bytes | None] = {}
    effects: tuple[Effect, ...] = ()


class OwnedProjection:
    """The state, how far the log was read, and what waits for the next commit."""

    def __init__(
        self, log: EventLog, views: Views, clock: Clock, *, name: str, epoch: int, restored: Restored
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

    async def advance(self) -> Step:
        """Read and fold once, and commit what stands complete, also what an earlier turn could not."""
        try:
            records = await self._log.read(after=self.read, limit=READ)
        except UnreadableDecision as error:
            self.halt = undecodable(self.name, str(error))
            return Step(folded=0)
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
        if missing is not None:
            self.halt = gap(self.name, f"{missing.stream} version {missing.expected}, found {missing.got}")

    async def _commit(self, folded: int) -> Step:
        self._rows.update(take_changed_rows(self.state))
        rows, effects = dict(self._rows), tuple(self._effects)
        if not await self.write(rows, effects, self.state.position):
            return Step(folded=folded)
        self._rows.clear()
        self._effects.clear()
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
        )
        if not await self._views.commit(step):
            self.halt = fenced(self.name, self.epoch)
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
