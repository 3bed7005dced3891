"""Between the feed's records and the client's: the one place that knows both shapes.

Rule: a record that cannot be read is told once per reason and passed over; it cannot be waited for, and the
digest of the next commit says whether something is missing.
"""

import logging
from collections.abc import Mapping
from typing import Final

from interlock_domain.rows import CommitRow
from interlock_feed.staging import StampedRow
from interlock_feed.wire import Unreadable, decode, encode
from interlock_runtime.kafka.reader import Record
from interlock_runtime.kafka.records import OutRecord

_log = logging.getLogger(__name__)

ROWS_A_FETCH: Final = 2_000
"""Some milliseconds of decoding, so that a large table is read without holding up the loop."""
RETRY_S: Final = 1.0
"""Between two tries to reach the broker, give or take a fifth: its outages last seconds."""
POLL_S: Final = 0.5
"""How long one fetch waits when nothing comes: how late a wrong digest is noticed in silence."""


def out_records(commit: CommitRow, rows: Mapping[str, bytes | None]) -> list[OutRecord]:
    """One publish. Raises RowTooLarge."""
    return [
        OutRecord(key=record.key, value=record.value, headers=record.headers)
        for record in encode(commit, rows)
    ]


def read(record: Record) -> StampedRow | CommitRow | None:
    """What a consumed record holds; None for one that is passed over."""
    found = decode(record.key, record.value, record.headers)
    if isinstance(found, Unreadable):
        _log.warning("record %d of the state feed is passed over: %s", record.offset, found.reason)
        return None
    return found
