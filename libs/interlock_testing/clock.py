"""A clock that stands still until a test moves it.

Rule: monotonic and wall time move together, and wall time alone may jump, as machines do. Sleeping in
tests was dropped: it is slow on a fast machine and too short on a slow one.
"""


class FakeClock:
    """Seconds for `time.monotonic` and `time.time`, milliseconds where a signature asks for them."""

    def __init__(self, *, monotonic_s: float = 1_000.0, wall_s: float = 1_750_000_000.0) -> None:
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic_s

    def monotonic_ms(self) -> int:
        """The same in whole milliseconds."""
        return round(self._monotonic_s * 1000)

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._wall_s

    def wall_ms(self) -> int:
        """The same in whole milliseconds."""
        return round(self._wall_s * 1000)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back; use jump_wall for a clock that was set")
        self._monotonic_s += seconds
        self._wall_s += seconds

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back; monotonic time does not notice."""
        self._wall_s += seconds
