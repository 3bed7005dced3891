"""What the gateway saw, on its way to the log: a bounded ring of facts and the counts of a second.

Nothing here is awaited on the request path: `failed`, `succeeded` and `counted` append to memory.
A sender task publishes in sequence order, one batch in flight, and resends from the first
unacknowledged fact; `age_ms` is recomputed at each send, so the fold knows how old the evidence is.
When the log is away the oldest facts are dropped and counted, never the newest: fresh failures are
what the fleet acts on. A fact older than 60 s is dropped too: it could open no cooldown any more.
"""

from collections import deque
from typing import Final

from interlock_domain.events import Fact, SuccessesCounted, SuccessRow
from interlock_domain.latency import bucket_of
from interlock_domain.recorded import NewEvent, Source
from interlock_gateway.identity import Identity

CAPACITY: Final = 65_536
BATCH: Final = 200
ROWS_A_RECORD: Final = 8
MAX_AGE_MS: Final = 60_000
_BUCKETS: Final = 16


class _Cell:
    """Successes of one (target, shape) since the last report."""

    __slots__ = ("count", "duration", "ttft")

    def __init__(self) -> None:
        self.count = 0
        self.ttft = [0] * _BUCKETS
        self.duration = [0] * _BUCKETS


class OutcomeRing:
    """Facts in sequence order, oldest first; times are monotonic milliseconds of this process."""

    def __init__(self, identity: Identity, *, capacity: int = CAPACITY) -> None:
        self._identity = identity
        self._ring: deque[tuple[int, Fact, float]] = deque()
        self._capacity = capacity
        self._cells: dict[tuple[str, str], _Cell] = {}
        self._seq = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._ring)

    def put(self, fact: Fact, ended_ms: float) -> None:
        """Append a fact that ended at `ended_ms`; drops the oldest when the ring is full."""
        if len(self._ring) >= self._capacity:
            self._ring.popleft()
            self.dropped += 1
        self._seq += 1
        self._ring.append((self._seq, fact, ended_ms))

    def counted(self, target: str, shape: str, *, ttft_ms: float | None, duration_ms: float) -> None:
        """Count a success that nobody needs to hear of at once."""
        cell = self._cells.get((target, shape))
        if cell is None:
            cell = self._cells[(target, shape)] = _Cell()
        cell.count += 1
        cell.duration[bucket_of(duration_ms)] += 1
        if ttft_ms is not None:
            cell.ttft[bucket_of(ttft_ms)] += 1

    def take_ok_before(self, target: str, shape: str | None) -> int:
        """Successes since the last report, of one shape or of all; they are left out of the next count."""
        if shape is not None:
            cell = self._cells.pop((target, shape), None)
            return cell.count if cell else 0
        keys = [key for key in self._cells if key[0] == target]
        return sum(self._cells.pop(key).count for key in keys)

    def flush_counts(self, now_ms: float) -> None:
        """Turn the counts of the last second into SuccessesCounted facts."""
        if not self._cells:
            return
        cells, self._cells = self._cells, {}
        rows = [
            SuccessRow(target=t, shape=s, count=c.count, ttft=tuple(c.ttft), duration=tuple(c.duration))
            for (t, s), c in cells.items()
        ]
        for start in range(0, len(rows), ROWS_A_RECORD):
            self.put(SuccessesCounted(rows=tuple(rows[start : start + ROWS_A_RECORD])), now_ms)

    def batch(self, now_ms: float) -> list[NewEvent]:
        """The oldest facts, ready to publish; they stay in the ring until acknowledged."""
        while self._ring and now_ms - self._ring[0][2] > MAX_AGE_MS:
            self._ring.popleft()
            self.dropped += 1
        count = min(BATCH, len(self._ring))
        return [self._as_event(self._ring[i], now_ms) for i in range(count)]

    def acknowledge(self, last_seq: int) -> None:
        """Forget every fact up to `last_seq`; the log has them."""
        while self._ring and self._ring[0][0] <= last_seq:
            self._ring.popleft()

    def _as_event(self, entry: tuple[int, Fact, float], now_ms: float) -> NewEvent:
        seq, fact, ended_ms = entry
        who = self._identity
        return NewEvent(
            id=f"{who.gateway}/{who.worker}/{who.boot}/{seq}",
            event=fact,
            source=Source(gateway=who.gateway, worker=who.worker, boot=who.boot, seq=seq),
            age_ms=max(0, int(now_ms - ended_ms)),
        )
