"""A standby: the fold, kept warm where the views stand and not a record further.

Rule: it never folds beyond the position that the owner has committed, so that on a take-over its state can
be compared with the rows of that very position, and the effects of everything later are still to come.
Dropped: following the head of the log; its state could not be proved against any rows, and the effects
between the rows and the head would have to be kept in case the owner dies.
"""

from typing import Protocol

from interlock_domain.projection.rows import take_changed_rows
from interlock_projector.clock import Clock
from interlock_projector.followed import FollowedLog
from interlock_projector.restore import Restored, fold_to, from_checkpoint
from interlock_views.views import Views


class StandbyViews(Views, Protocol):
    """Views that say how far they are without their rows."""

    async def position(self, projection: str) -> int:
        """The committed position; 0 when nobody has committed."""
        ...


class Standby:
    """The state of a projection that somebody else owns."""

    def __init__(self, log: FollowedLog, views: StandbyViews, clock: Clock, *, projection: str) -> None:
        self._log = log
        self._views = views
        self._clock = clock
        self._name = projection
        self._restored: Restored | None = None

    @property
    def position(self) -> int:
        """How far it has folded."""
        return 0 if self._restored is None else self._restored.state.position

    async def follow(self) -> None:
        """Fold up to where the views stand now. Raises UnreadableDecision, and what log and views raise."""
        committed = await self._views.position(self._name)
        if self._restored is None or self._restored.state.position > committed:
            self._restored = await from_checkpoint(self._views, self._name, committed)
        await fold_to(self._log, self._restored, committed, self._clock)
        take_changed_rows(self._restored.state)  # or what waits to be taken would grow for weeks

    def hand_over(self) -> Restored | None:
        """The state, for the owner that this process becomes; nothing is kept."""
        restored, self._restored = self._restored, None
        return restored
