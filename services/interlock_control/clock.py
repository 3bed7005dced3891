"""The control plane's clocks: wall time to understand what people ask for, monotonic time to wait.

Rule: wall time only turns `-15m` into a moment and stamps nothing; what is recorded gets the log's time.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Both clocks of a process."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...


class SystemClock:
    """The clocks of this process."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()
