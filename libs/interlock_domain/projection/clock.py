"""The fold clock: log time that never goes back, made of append times that sometimes do.

Rule: small regressions (two appenders, leap smearing) stand still; a fall of more than 2 s is another
machine's clock, so the difference becomes an offset and time goes on from where it was. Dropped: the
fold's own machine clock, which would make a replay differ from the run.
"""

from typing import Final

from msgspec import Struct

JUMP_MS: Final = 2_000
"""More than two healthy, synchronised appenders differ by; less would turn jitter into offset."""


class FoldClock(Struct):
    """`raw_ms` is the highest append time seen since the last jump; `now_ms` = raw + offset."""

    raw_ms: int = 0
    offset_ms: int = 0

    @property
    def now_ms(self) -> int:
        """Log time."""
        return self.raw_ms + self.offset_ms

    def advance(self, raw_ms: int) -> int:
        """Take the append time of the next record; returns log time at that record."""
        if raw_ms < self.raw_ms - JUMP_MS:
            self.offset_ms += self.raw_ms - raw_ms
            self.raw_ms = raw_ms
        elif raw_ms > self.raw_ms:
            self.raw_ms = raw_ms
        return self.raw_ms + self.offset_ms
