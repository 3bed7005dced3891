"""When the owner of a projection appends ClockTicked, so that deadlines fall due without traffic.

Rule: each second while anything is pending, else each ten; never from the wall clock. Ticks are facts of
source (projector, epoch): a duplicate or a late one of a former owner is harmless, because time only grows.
"""

from typing import Final

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import NewEvent, Source

PENDING_S: Final = 1.0
"""While a cooldown, ramp or expiry runs: what people see counts down in seconds."""
IDLE_S: Final = 10.0
"""At rest: enough to notice a lost gateway (10 s) without filling the log of an idle system."""


class Ticker:
    """Numbers the ticks of one epoch and says when the next is due."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._seq = 0
        self._last: float | None = None

    def due_in(self, now: float, *, pending: bool) -> float:
        """Seconds until the next tick; 0 when it is due."""
        if self._last is None:
            return 0.0
        return max(0.0, self._last + (PENDING_S if pending else IDLE_S) - now)

    def next(self, now: float) -> NewEvent:
        """The next tick, to be appended now."""
        self._seq += 1
        self._last = now
        return NewEvent(
            id=f"clock-{self._epoch}-{self._seq}",
            event=ClockTicked(),
            source=Source(gateway="projector", boot=str(self._epoch), seq=self._seq),
        )
