"""Request records that somebody hears of: a store of records that tells after each batch.

Rule: what is told is stored first; a listener that fails loses its own line and nothing else.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from interlock_domain.attempt.record import RequestRecord
from interlock_records.records import RecordFilter, RecordPage, RequestRecords

Hear = Callable[[Sequence[RequestRecord]], None]

_log = logging.getLogger(__name__)


class ToldRecords:
    """RequestRecords over another one; `hear` must not block."""

    def __init__(self, records: RequestRecords, hear: Hear) -> None:
        self._records = records
        self._hear = hear

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """See RequestRecords."""
        await self._records.put(records)
        try:
            self._hear(records)
        except Exception:  # noqa: BLE001  the gateway must not send a stored batch again
            _log.exception("a listener of request records failed")

    async def get(self, request_id: str) -> RequestRecord | None:
        """See RequestRecords."""
        return await self._records.get(request_id)

    async def newest(self, wanted: RecordFilter) -> RecordPage:
        """See RequestRecords."""
        return await self._records.newest(wanted)

    def scan(self, *, from_position: int = 0, to_position: int | None = None) -> AsyncIterator[RequestRecord]:
        """See RequestRecords."""
        return self._records.scan(from_position=from_position, to_position=to_position)

    async def prune(self, before_ms: int) -> int:
        """See RequestRecords."""
        return await self._records.prune(before_ms)
