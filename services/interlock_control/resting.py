"""The routing state of a log that nobody follows: what a stopped installation stood at.

Rule: folded once to the end of the log, then it stands still; nothing is claimed and nothing written. Time
stands still with it, because no machine's clock may say how a log would have gone on.
"""

from typing import Final

from interlock_control.past import fold_to
from interlock_domain.projection.state import State
from interlock_eventlog.log import EventLog
from interlock_views.live import ProjectionStatus
from interlock_views.views import Views

GENERATION: Final = 1
"""Of every embedded log; another one comes with a new data folder."""


class RestingState:
    """RoutingState over a state that no longer moves."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        self._name = name

    def current(self) -> tuple[State, int]:
        """The state at the end of the log."""
        return self._state, self._state.log_ms

    def status(self) -> ProjectionStatus:
        """Where the log ends; `halted` says that nobody follows it."""
        position = self._state.position
        return ProjectionStatus(
            name=self._name,
            generation=GENERATION,
            epoch=0,
            position=position,
            published=position,
            log_ms=self._state.log_ms,
            halted="nothing runs here: this is what the log ends with; start it with `interlock quickstart`",
        )

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """True when the log reaches that far; waiting would change nothing."""
        return self._state.position >= position


async def at_rest(log: EventLog, views: Views, projection: str) -> RestingState:
    """Fold to the end of the log, from the newest trusted checkpoint."""
    return RestingState(await fold_to(log, views, projection, await log.head()), projection)
