"""Checkpoints: when the fold's state is saved.

Rule: one is only ever taken where the rows are committed and no batch of decisions is half read; whether it
is trusted again is decided when it is read (interlock_views.trusted). Dropped: a checkpoint per commit,
which would write the whole state for each failure.
"""

from typing import Final

from interlock_domain.projection.checkpoint import STATE_SCHEMA, encode_state, state_digest
from interlock_domain.projection.state import State
from interlock_views.views import Checkpoint, Views

EVERY_EVENTS: Final = 5_000
"""Refolding as many takes well under a second, which is what a restart may cost."""
EVERY_S: Final = 60.0
"""An idle system restarts from within the last minute's ticks."""


class Checkpoints:
    """Saves the state of one projection when enough was folded or enough time passed."""

    def __init__(self, views: Views, projection: str, epoch: int, now: float) -> None:
        self._views = views
        self._projection = projection
        self._epoch = epoch
        self._at = now
        self.position = 0

    def due_in(self, now: float, position: int) -> float:
        """Seconds until a save is due; 0 when it is, infinite when nothing has changed."""
        if position == self.position:
            return float("inf")
        if position - self.position >= EVERY_EVENTS:
            return 0.0
        return max(0.0, self._at + EVERY_S - now)

    async def save(self, state: State, recorded_ms: int, now: float) -> None:
        """Save the state as it stands."""
        self._at = now
        position = state.position
        await self._views.save_checkpoint(
            Checkpoint(
                projection=self._projection,
                epoch=self._epoch,
                schema=STATE_SCHEMA,
                position=position,
                recorded_ms=recorded_ms,
                digest=state_digest(state),
                state=encode_state(state),
            )
        )
        self.position = position
