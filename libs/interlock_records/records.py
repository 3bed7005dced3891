"""The request record port: where terminal accounts of requests are kept and looked up.

Records have no log position and stand outside the fold. Putting a record twice (same request id)
keeps one.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from msgspec import Struct

from interlock_domain.attempt.record import RequestRecord

MIN_PREFIX: Final = 6
"""A request id may be shortened to this many characters."""


class RecordFilter(Struct, frozen=True, kw_only=True):
    """Newest-first listing; times are wall clock ms; `before` is the cursor of the previous page."""

    pool: str | None = None
    target: str | None = None
    result: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    before: str | None = None
    limit: int = 50


class RecordPage(Struct, frozen=True, kw_only=True):
    """Records newest first; `next` is the cursor for the following page, None at the end."""

    records: tuple[RequestRecord, ...]
    next: str | None = None


class RecordSink(Protocol):
    """All that a gateway needs of the store: somewhere to put its records."""

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """Keep a batch; all or nothing. Raises when it may not be kept."""
        ...


class RequestRecords(Protocol):
    """Store of request records."""

    async def put(self, records: Sequence[RequestRecord]) -> None:
        """Keep a batch; all or nothing."""
        ...

    async def get(self, request_id: str) -> RequestRecord | None:
        """One record by its id, or by a prefix of at least 6 characters when that is unique."""
        ...

    async def newest(self, wanted: RecordFilter) -> RecordPage:
        """A page of records, newest first."""
        ...

    def scan(self, *, from_position: int = 0, to_position: int | None = None) -> AsyncIterator[RequestRecord]:
        """Records ordered by the position of the snapshot they used."""
        ...

    async def prune(self, before_ms: int) -> int:
        """Delete records that started before that wall time; returns how many."""
        ...
