"""Successes that nobody needs to hear of at once: counted by (target, shape), told once a second.

The usual request ends here, so it costs one dictionary lookup and four additions. Two listeners take
from the tally: the log (as SuccessesCounted, or as `ok_before` of a failure, so that the order per
gateway is exact) and this worker's breakers, which learn of a success within a second or just before
the next failure of its target, whichever comes first.
"""

from interlock_domain.events import SuccessRow
from interlock_domain.health.local import LocalBreakers
from interlock_domain.latency import BUCKETS, bucket_of


class _Cell:
    """Of one (target, shape): `count` since the last report, `fresh` since the breakers learnt."""

    __slots__ = ("count", "duration", "fresh", "last_ms", "ttft")

    def __init__(self) -> None:
        self.count = 0
        self.fresh = 0
        self.last_ms = 0.0
        self.ttft = [0] * BUCKETS
        self.duration = [0] * BUCKETS


class Tally:
    """All successes of a worker since the last second; times are monotonic ms."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], _Cell] = {}

    def succeeded(
        self, target: str, shape: str, *, ttft_ms: float | None, duration_ms: float, now_ms: float
    ) -> None:
        """Count one."""
        key = (target, shape)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = _Cell()
        cell.count += 1
        cell.fresh += 1
        cell.last_ms = now_ms
        cell.duration[bucket_of(duration_ms)] += 1
        if ttft_ms is not None:
            cell.ttft[bucket_of(ttft_ms)] += 1

    def teach(self, breakers: LocalBreakers, target: str | None = None) -> None:
        """Let the breakers learn what they have not seen, of one target or of all."""
        for (one, shape), cell in self._cells.items():
            if cell.fresh and (target is None or one == target):
                breakers.succeeded(one, shape, cell.last_ms, cell.fresh)
                cell.fresh = 0

    def take(self, target: str, shape: str | None) -> int:
        """Successes since the last report, of one shape or of all; they are left out of the next report."""
        if shape is not None:
            cell = self._cells.pop((target, shape), None)
            return cell.count if cell else 0
        keys = [key for key in self._cells if key[0] == target]
        return sum(self._cells.pop(key).count for key in keys)

    def take_rows(self) -> list[SuccessRow]:
        """Everything since the last report, as rows of SuccessesCounted; call `teach` first."""
        cells, self._cells = self._cells, {}
        return [
            SuccessRow(target=t, shape=s, count=c.count, ttft=tuple(c.ttft), duration=tuple(c.duration))
            for (t, s), c in cells.items()
        ]
