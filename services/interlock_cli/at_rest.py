"""The routing state of a file that nobody owns now: folded once from its newest checkpoint, and still.

Rule: time stands still with the log, so deadlines are shown as they were at the last record. Nothing here
writes; what waits for a position that is not there is told so at once.
"""

from interlock_control.past import fold_to
from interlock_domain.projection.state import State
from interlock_eventlog.log import EventLog
from interlock_views.live import ProjectionStatus
from interlock_views.views import Views

PROJECTION = "routing-1"


class RestingState:
    """RoutingState over a log at rest."""

    def __init__(self, state: State, generation: int) -> None:
        self._state = state
        self._generation = generation

    def current(self) -> tuple[State, int]:
        """The state, read at its own log time."""
        return self._state, self._state.log_ms

    def status(self) -> ProjectionStatus:
        """Where it stands."""
        state = self._state
        return ProjectionStatus(
            name=PROJECTION,
            generation=self._generation,
            epoch=0,
            position=state.position,
            published=state.position,
            log_ms=state.log_ms,
            checkpoint=state.position,
            halted="nothing runs: this is the state at rest; start it with `interlock quickstart`",
        )

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """True when it is in the log already."""
        return position <= self._state.position


async def resting_state(log: EventLog, views: Views, generation: int = 1) -> RestingState:
    """Fold to the end of the log."""
    return RestingState(await fold_to(log, views, PROJECTION, await log.head()), generation)
