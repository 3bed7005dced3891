"""A fold of our own: the routing state of a cluster as this control plane sees it, without writing anything.

Rule: it starts from the newest trusted checkpoint and follows the log; what it cannot read now (the log is
away) it says and tries again, and goes on showing what it has together with its age. A hole in front of it
means that the log was cut: then it starts anew from a later checkpoint, or says what is missing. Dropped:
reading the projector's rows for each answer, because they have no log time to count deadlines from and no
reader could wait for a position without polling.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from interlock_domain.projection.effects import Effect
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.log import LogReader, UnreadableDecision
from interlock_views.live import ProjectionStatus
from interlock_views.live_state import LiveState
from interlock_views.slices import Monotonic, fold_slices
from interlock_views.trusted import trusted_state
from interlock_views.views import Views

READ: Final = 500
"""Records a read: about 10 ms of folding in five slices."""
WAIT_S: Final = 1.0
"""Longest wait for the log to grow: an idle log is asked each second, so the age stays small."""
AGAIN_S: Final = 0.5
"""Between two tries while the log is away: what waits for a position waits 3 s."""

_REPLACED: Final = (
    "the log ends at {head} but was read to {read}, so it was replaced: run `interlock migrate "
    "--new-generation`, then start the control plane again"
)

_log = logging.getLogger(__name__)


class Follower:
    """RoutingState over a log that somebody else projects. `start`, then `run` as a task until cancelled."""

    def __init__(
        self,
        log: LogReader,
        views: Views,
        *,
        clock: Monotonic,
        projection: str = "routing-1",
        generation: int = 1,
        away: tuple[type[Exception], ...] = (),
    ) -> None:
        """`away`: what log and views raise when they cannot be reached now."""
        self._log = log
        self._views = views
        self._clock = clock
        self._name = projection
        self._generation = generation
        self._away: tuple[type[Exception], ...] = (UnreadableDecision, *away)
        self._listeners: list[Callable[[Sequence[Effect]], None]] = []
        self._trouble: str | None = None
        self._caught_up = False
        self._events = 0
        self._live = LiveState(empty_state(), clock)
        self._read = self._began = 0
        self._seen_end = clock.monotonic()

    async def start(self) -> None:
        """Begin at the newest checkpoint. Raises what the views raise."""
        self._take(trusted_state(await self._views.checkpoint(self._name)) or empty_state())

    async def run(self) -> None:
        """Follow the log for ever; ends by cancellation."""
        while True:
            try:
                await self._turn()
            except self._away as error:
                await self._stand(str(error))
            except Exception as error:  # noqa: BLE001  a sentence for readers instead of a task that died unseen
                _log.exception("the fold of this control plane stops at position %d", self._read)
                self._caught_up = False
                self._trouble = (
                    f"the fold met a mistake of ours ({type(error).__name__}): please report the trace in "
                    "the log of this process, and start it again"
                )
                return

    def listen(self, listener: Callable[[Sequence[Effect]], None]) -> None:
        """Tell one more of what is observed; it must not block."""
        self._listeners.append(listener)

    def current(self) -> tuple[State, int]:
        """See RoutingState."""
        return self._live.current()

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """See RoutingState; nothing is committed here, so folded is enough."""
        return await self._live.wait_position(position, timeout_s)

    def status(self) -> ProjectionStatus:
        """See RoutingState. `halted`: the end of the log was not reached yet; `trouble`: it is away."""
        state = self._live.state
        beginning = self._trouble or "this control plane is still reading the log"
        return ProjectionStatus(
            name=self._name,
            generation=self._generation,
            position=self._live.committed,
            log_ms=state.log_ms,
            events=self._events,
            checkpoint=self._began,
            halted=None if self._caught_up else beginning,
            trouble=self._trouble,
            age_ms=int((self._clock.monotonic() - self._seen_end) * 1000),
        )

    async def _turn(self) -> None:
        records = await self._log.read(after=self._read, limit=READ)
        if records and records[0].position > self._read + 1:
            await self._over_a_hole(records[0].position)
            return
        if records:
            await self._fold(records)
        else:
            head = await self._log.head()
            if head < self._read:
                await self._stand(_REPLACED.format(head=head, read=self._read))
                return
        if len(records) < READ:
            self._at_the_end()
        if not records:
            await self._log.wait(self._read, WAIT_S)

    async def _fold(self, records: Sequence[RecordedEvent]) -> None:
        effects = await fold_slices(self._live.state, records, self._clock)
        self._read = records[-1].position
        self._events += len(records)
        self._live.folded()
        self._live.commit(self._live.state.position)
        for listener in self._listeners:
            listener(effects)

    def _at_the_end(self) -> None:
        if self._trouble is not None:
            _log.info("the log is followed again, from position %d", self._read)
        self._trouble, self._caught_up, self._seen_end = None, True, self._clock.monotonic()

    async def _over_a_hole(self, begins: int) -> None:
        """Records before `begins` are gone from the log: only a checkpoint at or behind them helps."""
        state = trusted_state(await self._views.checkpoint(self._name))
        if state is not None and state.position + 1 >= begins:
            self._take(state)
            return
        await self._stand(
            f"the log begins at {begins} and the newest checkpoint stands before it: start a projector that "
            "can still read both, or restore the database from a copy that holds a later checkpoint"
        )

    async def _stand(self, sentence: str) -> None:
        if self._trouble is None:
            _log.warning("the routing state stands at position %d: %s", self._read, sentence)
        self._trouble = sentence
        await asyncio.sleep(AGAIN_S)

    def _take(self, state: State) -> None:
        """Go on from this state; who waits for a position goes on waiting."""
        self._live.replace(state)
        self._live.commit(state.position)
        self._read = self._began = state.position
