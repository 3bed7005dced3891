"""The tasks that carry rings to their ports, off the request path.

One batch is in flight at a time. A port that fails is tried again after a wait that doubles to two
seconds; meanwhile the rings go on filling and dropping their oldest, so inference never waits. Outcomes and
request records have rings and bounds of their own, so that records never displace outcomes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.recorded import stream_of_gateway
from interlock_eventlog.log import FactSink
from interlock_gateway.identity import Identity
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.weight import weight
from interlock_records.records import RecordSink
from interlock_runtime.trouble import Trouble

_log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0
RECORDS_A_BATCH: Final = 200
RECORDS_EVERY_S: Final = 0.1
RECORD_BYTES: Final = 32 * 1024 * 1024
"""About 15,000 usual records, 15 s of a busy worker; decoded they take as much memory again."""


class OutcomeSender:
    """Publishes the outcome ring to the event log; a new fact is sent at once."""

    def __init__(
        self, log: FactSink, ring: OutcomeRing, identity: Identity, *, monotonic: Callable[[], float]
    ) -> None:
        self._log = log
        self._ring = ring
        self._stream = stream_of_gateway(identity.gateway)
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self._trouble = Trouble(_log, "outcomes do not reach the log", monotonic=monotonic)

    def wake(self) -> None:
        """Something was put into the ring."""
        self._wake.set()

    async def run(self) -> None:
        """Send for ever; ends by cancellation only."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await _until_done(self.flush, self._trouble)

    async def flush(self) -> None:
        """Publish everything that is in the ring now. Raises what the port raises."""
        while batch := self._ring.batch(self._monotonic() * 1000):
            await self._log.publish(self._stream, batch)
            last = batch[-1].source
            assert last is not None
            self._ring.acknowledge(last.seq)


class RecordSender:
    """Puts request records into their store in batches; drops the oldest when the store is away."""

    def __init__(
        self, records: RecordSink, *, monotonic: Callable[[], float], capacity: int = RECORD_BYTES
    ) -> None:
        self._records = records
        self._ring: deque[tuple[RequestRecord, int]] = deque()
        self._capacity = capacity
        self._wake = asyncio.Event()
        self._trouble = Trouble(_log, "request records do not reach their store", monotonic=monotonic)
        self.dropped = 0
        self.bytes = 0
        """Weight of what waits, never above the capacity except by the newest record."""

    def __len__(self) -> int:
        return len(self._ring)

    def put(self, record: RequestRecord) -> None:
        """Append a terminal record; never waits."""
        size = weight(record)
        while self._ring and self.bytes + size > self._capacity:
            self._drop_oldest()
            self.dropped += 1
        self._ring.append((record, size))
        self.bytes += size
        if not self._wake.is_set():
            self._wake.set()

    async def run(self) -> None:
        """Store for ever; a short wait after the first record gathers a batch."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(RECORDS_EVERY_S)
            self._wake.clear()
            await _until_done(self.flush, self._trouble)

    async def flush(self) -> None:
        """Store everything that is in the ring now. Raises what the port raises."""
        ring = self._ring
        while ring:
            batch = [ring[i][0] for i in range(min(RECORDS_A_BATCH, len(ring)))]
            await self._records.put(batch)
            last = batch[-1].seq
            while ring and ring[0][0].seq <= last:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, size = self._ring.popleft()
        self.bytes -= size


class NoRecords:
    """RecordSink of a gateway that has nowhere to send its records: they end with their requests."""

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """See RecordSink."""


async def _until_done(work: Callable[[], Awaitable[None]], trouble: Trouble) -> None:
    wait = FIRST_WAIT_S
    while True:
        try:
            await work()
        except Exception as failure:  # noqa: BLE001  any port failure means: keep, wait, send again
            trouble.is_on(failure)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
        else:
            trouble.is_over()
            return
