"""A clock for contract suites: stands still until it is moved."""


class ManualClock:
    """Wall milliseconds that only a test moves, backwards too. Call it to read it."""

    def __init__(self, now_ms: int = 1_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """The moment it shows."""
        return self.now_ms
