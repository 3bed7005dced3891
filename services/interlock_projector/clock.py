"""The projector's only clock: monotonic, and only for pacing.

Rule: nothing that is folded, stored or published comes from here; log time does. What this clock decides is
when to write, never what. Dropped: wall clock for pacing, because a step of an hour would silence the feed.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow; the zero means nothing."""

    def monotonic(self) -> float:
        """Now."""
        ...


class SystemClock:
    """The clock of this process."""

    def monotonic(self) -> float:
        """Now."""
        return time.monotonic()
