"""Request records on their way out of a gateway: batches on the requests topic, keyed by gateway.

Rule: put-only. A record has one place to be read, the database that the audit sink fills; the topic carries
it there. The key decides the partition, so the records of one gateway keep their order. A batch that was sent
twice is kept once by whoever reads it: records have ids. Dropped: reading back from the topic, which would
make a store out of a queue.
"""

import logging
from collections.abc import Sequence
from typing import Final

from interlock_domain.attempt.record import RequestRecord
from interlock_records.batches import Batch, TooLarge, batches
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender

KIND: Final = b"RequestsRecorded"
_JSON: Final = b"application/json"

_log = logging.getLogger(__name__)


class KafkaRequestRecords:
    """RecordSink over the requests topic. The sender is its own: records must never wait for facts."""

    def __init__(self, sender: KafkaSender, topics: Topics) -> None:
        self._sender = sender
        self._topic = topics.requests
        self.refused = 0
        """Records too large for any broker: counted, never sent."""

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """See RecordSink; raises Unsent when any batch was not acknowledged."""
        found = list(batches(records))
        out = [_out(batch) for batch in found if isinstance(batch, Batch)]
        if out:
            await self._sender.send(self._topic, out)
        for lost in found:  # told after the sending, so that a batch tried again is not counted twice
            if isinstance(lost, TooLarge):
                self.refused += 1
                _log.warning(
                    "request record %s is lost: its %d bytes are too many", lost.request_id, lost.size
                )

    async def close(self) -> None:
        """Let go of the connection."""
        await self._sender.close()


def _out(batch: Batch) -> OutRecord:
    first, last = batch.first, batch.last
    name = f"{first.gateway}/{first.worker}/{first.boot}/{first.seq}-{last.seq}"
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", name.encode()),
        ("ce_type", KIND),
        ("ce_source", f"gateway/{first.gateway}".encode()),
        ("content-type", _JSON),
    )
    return OutRecord(key=first.gateway.encode(), value=batch.body, headers=headers, partition=None)
