"""The tasks that carry rings to their ports, off the request path.

One batch is in flight at a time. A port that fails is tried again after a wait that doubles to two
seconds; meanwhile the rings go on filling and dropping their oldest, so inference never waits.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.recorded import stream_of_gateway
from interlock_eventlog.log import EventLog
from interlock_gateway.identity import Identity
from interlock_gateway.outcomes import OutcomeRing
from interlock_records.records import RequestRecords

_log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0
RECORDS_A_BATCH: Final = 200
RECORDS_EVERY_S: Final = 0.1
RECORD_CAPACITY: Final = 20_000  # about 40 MB of records: they must never displace outcomes


class OutcomeSender:
    """Publishes the outcome ring to the event log; a new fact is sent at once."""

    def __init__(
        self, log: EventLog, ring: OutcomeRing, identity: Identity, *, monotonic: Callable[[], float]
    ) -> None:
        self._log = log
        self._ring = ring
        self._stream = stream_of_gateway(identity.gateway)
        self._monotonic = monotonic
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was put into the ring."""
        self._wake.set()

    async def run(self) -> None:
        """Send for ever; ends by cancellation only."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await _until_done(self.flush, "outcomes")

    async def flush(self) -> None:
        """Publish everything that is in the ring now. Raises what the port raises."""
        while batch := self._ring.batch(self._monotonic() * 1000):
            await self._log.publish(self._stream, batch)
            last = batch[-1].source
            assert last is not None
            self._ring.acknowledge(last.seq)


class RecordSender:
    """Puts request records into their store in batches; drops the oldest when the store is away."""

    def __init__(self, records: RequestRecords, *, capacity: int = RECORD_CAPACITY) -> None:
        self._records = records
        self._ring: deque[RequestRecord] = deque()
        self._capacity = capacity
        self._wake = asyncio.Event()
        self.dropped = 0

    def put(self, record: RequestRecord) -> None:
        """Append a terminal record; never waits."""
        if len(self._ring) >= self._capacity:
            self._ring.popleft()
            self.dropped += 1
        self._ring.append(record)
        if not self._wake.is_set():
            self._wake.set()

    async def run(self) -> None:
        """Store for ever; a short wait after the first record gathers a batch."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(RECORDS_EVERY_S)
            self._wake.clear()
            await _until_done(self.flush, "request records")

    async def flush(self) -> None:
        """Store everything that is in the ring now. Raises what the port raises."""
        ring = self._ring
        while ring:
            batch = [ring[i] for i in range(min(RECORDS_A_BATCH, len(ring)))]
            await self._records.put(batch)
            stored = {record.seq for record in batch}
            while ring and ring[0].seq in stored:
                ring.popleft()


async def _until_done(work: Callable[[], Awaitable[None]], what: str) -> None:
    wait = FIRST_WAIT_S
    while True:
        try:
            await work()
        except Exception as failure:  # noqa: BLE001  any port failure means: keep, wait, send again
            _log.warning("cannot send %s (%s), trying again in %.1f s", what, failure, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)
        else:
            return
