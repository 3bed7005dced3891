"""What the gateway saw, on its way to the log: a bounded ring of facts in sequence order.

Nothing here is awaited on the request path: `put` appends to memory.
A sender task publishes in sequence order, one batch in flight, and resends from the first
unacknowledged fact; `age_ms` is recomputed at each send, so the fold knows how old the evidence is.
When the log is away the oldest facts are dropped and counted, never the newest: fresh failures are
what the fleet acts on. A fact older than 60 s is dropped too: it could open no cooldown any more.
"""

from collections import deque
from typing import Final

from interlock_domain.events import Fact, SuccessesCounted, SuccessRow
from interlock_domain.recorded import NewEvent, Source
from interlock_gateway.identity import Identity

CAPACITY: Final = 65_536
BATCH: Final = 200
ROWS_A_RECORD: Final = 8
MAX_AGE_MS: Final = 60_000


class OutcomeRing:
    """Facts in sequence order, oldest first; times are monotonic milliseconds of this process."""

    def __init__(self, identity: Identity, *, capacity: int = CAPACITY) -> None:
        self._identity = identity
        self._ring: deque[tuple[int, Fact, float, str | None]] = deque()
        self._capacity = capacity
        self._seq = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._ring)

    def put(self, fact: Fact, ended_ms: float, traceparent: str | None = None) -> None:
        """Append a fact that ended at `ended_ms`; drops the oldest when the ring is full."""
        if len(self._ring) >= self._capacity:
            self._ring.popleft()
            self.dropped += 1
        self._seq += 1
        self._ring.append((self._seq, fact, ended_ms, traceparent))

    def put_counts(self, rows: list[SuccessRow], now_ms: float) -> None:
        """The successes of the last second, a few rows a fact."""
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

    def _as_event(self, entry: tuple[int, Fact, float, str | None], now_ms: float) -> NewEvent:
        seq, fact, ended_ms, traceparent = entry
        who = self._identity
        return NewEvent(
            id=f"{who.gateway}/{who.worker}/{who.boot}/{seq}",
            event=fact,
            source=Source(gateway=who.gateway, worker=who.worker, boot=who.boot, seq=seq),
            age_ms=max(0, int(now_ms - ended_ms)),
            traceparent=traceparent,
        )
