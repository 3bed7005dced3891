"""Request records in memory: for tests and simulations. No method awaits while it changes anything."""

from collections.abc import AsyncIterator, Sequence

from interlock_domain.attempt.record import RequestRecord
from interlock_records.paging import cursor_of, place_of, snapshot_place
from interlock_records.records import MIN_PREFIX, RecordFilter, RecordPage


class MemoryRequestRecords:
    """RequestRecords over a dictionary."""

    def __init__(self) -> None:
        self._records: dict[str, RequestRecord] = {}

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """See RequestRecords."""
        for record in records:
            self._records.setdefault(record.request_id, record)

    async def get(self, request_id: str) -> RequestRecord | None:
        """See RequestRecords."""
        if request_id in self._records or len(request_id) < MIN_PREFIX:
            return self._records.get(request_id)
        found = [record for known, record in self._records.items() if known.startswith(request_id)]
        return found[0] if len(found) == 1 else None

    async def newest(self, wanted: RecordFilter) -> RecordPage:
        """See RequestRecords."""
        before = None if wanted.before is None else place_of(wanted.before)
        fitting = [record for record in self._records.values() if _fits(record, wanted, before)]
        fitting.sort(key=_place, reverse=True)
        page = tuple(fitting[: wanted.limit])
        more = page and len(fitting) > len(page)
        return RecordPage(records=page, next=cursor_of(page[-1]) if more else None)

    async def scan(
        self, *, from_position: int = 0, to_position: int | None = None
    ) -> AsyncIterator[RequestRecord]:
        """See RequestRecords."""
        for record in sorted(self._records.values(), key=_snapshot_order):
            _, position = snapshot_place(record.snapshot)
            if position >= from_position and (to_position is None or position <= to_position):
                yield record

    async def prune(self, before_ms: int) -> int:
        """See RequestRecords."""
        old = [known for known, record in self._records.items() if record.started_ms < before_ms]
        for known in old:
            del self._records[known]
        return len(old)


def _place(record: RequestRecord) -> tuple[int, str]:
    return record.started_ms, record.request_id


def _snapshot_order(record: RequestRecord) -> tuple[int, int, int, str]:
    return (*snapshot_place(record.snapshot), *_place(record))


def _fits(record: RequestRecord, wanted: RecordFilter, before: tuple[int, str] | None) -> bool:
    return (
        wanted.pool in {None, record.pool}
        and wanted.target in {None, record.target}
        and wanted.result in {None, record.result.value}
        and (wanted.from_ms is None or record.started_ms >= wanted.from_ms)
        and (wanted.to_ms is None or record.started_ms <= wanted.to_ms)
        and (before is None or _place(record) < before)
    )
