"""Which checkpoints to keep. Pure.

Rule: the newest 20 (a reader of the recent past starts near its moment) and the first of each day
for 15 days: events are kept for 14, so some checkpoint is always older than the oldest event and any
moment that the log still covers can be folded to. The first of a day, because it stays the first
while the day grows; choosing the last would delete a day's earlier choice again and again.
"""

from collections.abc import Iterable
from typing import Final

NEWEST: Final = 20
DAYS: Final = 15
DAY_MS: Final = 24 * 60 * 60 * 1000


def kept(checkpoints: Iterable[tuple[int, int]]) -> set[int]:
    """The positions to keep out of (position, recorded_ms) pairs."""
    ordered = sorted(checkpoints)
    if not ordered:
        return set()
    today = max(recorded_ms for _, recorded_ms in ordered) // DAY_MS
    first_of_day: dict[int, int] = {}
    for position, recorded_ms in ordered:
        first_of_day.setdefault(recorded_ms // DAY_MS, position)
    daily = {position for day, position in first_of_day.items() if day >= today - DAYS}
    return daily | {position for position, _ in ordered[-NEWEST:]}
