"""The projector: log -> fold -> one view commit -> those who wait -> feed.

Rule: one task owns the state and walks this order, so what is public is never ahead of what is durable, and
rows equal the fold at every barrier. A commit that another owner fenced off ends the loop with nothing
written. Dropped: separate tasks to fold, to commit and to publish, which needed locks to keep this order.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from interlock_domain.projection.deadlines import pending
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.rows import all_rows, commit_row
from interlock_domain.projection.state import State
from interlock_domain.recorded import CLOCK_STREAM
from interlock_projector.beside import Beside
from interlock_projector.checkpoint import Checkpoints
from interlock_projector.clock import Clock
from interlock_projector.followed import FollowedLog
from interlock_projector.halt import Halt, bug, fenced
from interlock_projector.owned import OwnedProjection, Step
from interlock_projector.publish import Feed, FeedPacer, published_rows
from interlock_projector.restore import Restored, differing, restore
from interlock_projector.tick import Ticker
from interlock_views.live import ProjectionStatus
from interlock_views.views import Views, ViewTable

Listener = Callable[[Sequence[Effect]], None]
"""Told of the effects of each commit once they are durable; must not block."""

AGAIN_S: Final = 1.0
"""Between two looks at a store that is full or held: people free disks, not machines."""
LONGEST_WAIT_S: Final = 1.0
"""A rebuild has neither feed nor ticks to wake it, and compares itself from time to time."""
_NOT_STARTED: Final = "the projection has not been started"

_log = logging.getLogger(__name__)


class Projector:
    """One projection of one process. `start`, then `run` as a task, then `stop`."""

    def __init__(
        self,
        log: FollowedLog,
        views: Views,
        feed: Feed,
        *,
        clock: Clock,
        projection: str = "routing-1",
        generation: int = 1,
        listeners: Sequence[Listener] = (),
        beside: Beside | None = None,
    ) -> None:
        self._beside = beside if beside is not None else Beside()
        self._log = log
        self._views = views
        self._feed = feed
        self._clock = clock
        self._name = projection
        self._generation = generation
        self._listeners = list(listeners)
        self._owned: OwnedProjection | None = None
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._halt: Halt | None = None
        self._trouble: str | None = None
        self._repaired = 0

    async def start(self, *, epoch: int | None = None, warm: Restored | None = None) -> Halt | None:
        """Claim, restore, repair, and catch up with the log; afterwards the feed is current.

        `epoch` when a lease gave the projection already, `warm` what its holder had folded while it waited.
        """
        if epoch is None:
            epoch = await self._views.claim(self._name)
        if self._beside.seed is not None and (halt := await self._beside.seed()) is not None:
            return self._stand(halt)
        table, restored = await restore(self._log, self._views, self._name, self._clock, warm=warm)
        if isinstance(restored, Halt):
            return self._stand(restored)
        self._owned = OwnedProjection(
            self._log,
            self._views,
            self._clock,
            name=self._name,
            epoch=epoch,
            restored=restored,
            beside=self._beside,
        )
        self._ticker = Ticker(epoch)
        self._pacer = FeedPacer(self._feed)
        self._checkpoints = Checkpoints(self._views, self._name, epoch, self._clock.monotonic())
        self._checkpoints.position = restored.checkpoint
        await self._repair(differing(all_rows(restored.state), table.rows))
        await self._tick()
        await self._catch_up()
        self._pacer.add(await self._untold(table))
        await self._publish()
        return self._halt

    async def run(self) -> Halt | None:
        """Follow the log until `stop`, or until the projection has to stand still; returns why."""
        self._idle.clear()
        try:
            while self._halt is None and not self._stopping.is_set():
                await self._attempt()
        except Exception as error:  # noqa: BLE001  a value here, so that nobody has to guess what a dead task means
            _log.exception("the projection stops at position %d", self._own.read)
            return self._stand(bug(self._name, error))
        finally:
            self._idle.set()
        return self._halt

    async def stop(self) -> None:
        """Fold to the head, publish, save a checkpoint; a halted projection writes nothing."""
        self._stopping.set()
        await self._idle.wait()
        if self._halt is not None or self._owned is None:
            return
        try:
            await self._catch_up()
            await self._publish()
            if self._own.halt is None and self._own.stands_complete():
                await self._checkpoints.save(self._own.state, self._own.recorded_ms, self._clock.monotonic())
        except self._beside.away as error:
            _log.warning("stopped without a last checkpoint, so the next start folds more: %s", error)

    def rows(self) -> dict[str, bytes]:
        """Everything that the feed should say, but for the commit."""
        return {**all_rows(self._own.state), **self._beside.standing}

    def publish_again(self, rows: Mapping[str, bytes | None]) -> None:
        """The feed lost these: publish them with the next commit."""
        self._pacer.add(rows)

    def fence(self, epoch: int) -> None:
        """Another process owns the projection: write nothing more, and end the loop."""
        if self._halt is None:
            self._stand(fenced(self._name, epoch, stands_by=self._beside.stands_by))
        self._stopping.set()

    def listen(self, listener: Listener) -> None:
        """Tell one more of every later commit."""
        self._listeners.append(listener)

    def current(self) -> tuple[State, int]:
        """The live state and the log time to read it at (RoutingState)."""
        return self._own.live.current()

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """True as soon as the rows of `position` are committed (RoutingState)."""
        return await self._own.live.wait_position(position, timeout_s)

    def status(self) -> ProjectionStatus:
        """How far it has come (RoutingState)."""
        own = self._owned
        halted = self._halt.sentence if self._halt is not None else self._trouble
        if own is None:
            return ProjectionStatus(
                name=self._name, generation=self._generation, halted=halted or _NOT_STARTED
            )
        return ProjectionStatus(
            name=self._name,
            generation=self._generation,
            epoch=own.epoch,
            position=own.live.committed,
            published=self._pacer.position,
            log_ms=own.state.log_ms,
            events=own.events,
            commits=own.commits,
            skipped=own.skipped,
            repaired=self._repaired,
            checkpoint=self._checkpoints.position,
            halted=halted,
        )

    @property
    def _own(self) -> OwnedProjection:
        if self._owned is None:
            raise RuntimeError(_NOT_STARTED)
        return self._owned

    async def _attempt(self) -> None:
        """One turn; what the store cannot take now (a full disk) is kept and tried again."""
        try:
            await self._turn()
        except self._beside.away as error:
            if self._trouble is None:
                _log.error("the projection waits: %s", error)
            self._trouble = str(error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AGAIN_S)
        else:
            if self._trouble is not None:
                _log.info("the projection goes on at position %d", self._own.read)
            self._trouble = None

    async def _turn(self) -> None:
        if self._tick_in() <= 0:
            await self._tick()
        step = await self._step()
        if self._beside.healer is not None:
            await self._beside.healer.look(self._own.state.gap, self._clock.monotonic())
        if self._halt is not None:
            return
        if self._beside.comparer is not None:
            await self._beside.comparer.look(self._own, self._clock.monotonic())
            self._note_halt()
        if self._publish_in() <= 0:
            await self._publish()
        if self._checkpoint_in() <= 0:
            await self._checkpoints.save(self._own.state, self._own.recorded_ms, self._clock.monotonic())
        if not step.folded:
            await self._wait()

    async def _step(self) -> Step:
        step = await self._own.advance()
        self._note_halt()
        if step.committed:
            if self._beside.in_force:
                self._pacer.add(step.rows)
            for listener in self._listeners:
                listener(step.effects)
        return step

    async def _catch_up(self) -> None:
        head = await self._log.head()
        while self._halt is None and self._own.read < head:
            await self._step()

    async def _repair(self, rows: dict[str, bytes | None]) -> None:
        if not rows:
            return
        self._repaired = len(rows)
        _log.warning("%d view rows differed from the fold and are repaired: %s", len(rows), sorted(rows)[:20])
        if not await self._own.write(rows, (), self._own.state.position):
            self._note_halt()

    async def _untold(self, table: ViewTable) -> dict[str, bytes | None]:
        """What readers of the feed hold wrongly, or not at all."""
        if not self._beside.in_force:
            return {}
        if self._beside.untold is not None:
            return await self._beside.untold()
        return differing(self.rows(), await published_rows(self._feed) if table.position else {})

    async def _tick(self) -> None:
        if not self._beside.in_force:
            return
        await self._log.publish(CLOCK_STREAM, [self._ticker.next(self._clock.monotonic())])

    async def _publish(self) -> None:
        if self._halt is not None:  # what was folded last may not be durable, or belongs to another owner
            return
        if not self._beside.in_force:
            return
        commit = commit_row(self._own.state, generation=self._generation, epoch=self._own.epoch)
        await self._pacer.publish(commit, self._clock.monotonic())

    async def _wait(self) -> None:
        """Until the log grows, something falls due, or the projector is stopped."""
        due = (self._tick_in(), self._publish_in(), self._checkpoint_in(), LONGEST_WAIT_S)
        grown = asyncio.ensure_future(self._log.wait(self._own.read, max(0.0, min(due))))
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((grown, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (grown, stopped):
                waiting.cancel()
            await asyncio.gather(grown, stopped, return_exceptions=True)

    def _publish_in(self) -> float:
        return self._pacer.due_in(self._clock.monotonic()) if self._beside.in_force else float("inf")

    def _tick_in(self) -> float:
        if not self._beside.in_force:
            return float("inf")
        return self._ticker.due_in(self._clock.monotonic(), pending=pending(self._own.state))

    def _checkpoint_in(self) -> float:
        if not self._own.stands_complete():
            return float("inf")
        return self._checkpoints.due_in(self._clock.monotonic(), self._own.state.position)

    def _note_halt(self) -> None:
        if self._own.halt is not None and self._halt is None:
            self._stand(self._own.halt)

    def _stand(self, halt: Halt) -> Halt:
        self._halt = halt
        _log.error("%s", halt.sentence)
        return halt
