"""The file at rest: copied while it is in use, folded from the start, compared with its own views.

Rule: nothing here asks the program that wrote the file. The log is read by its adapter and folded by the
domain, so that a drill compares what was written with what the log says, never one answer with itself.
"""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from msgspec import Struct

from interlock_domain import digest
from interlock_domain.projection.rows import all_rows, table_digest
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_domain.replay.at import fold_to
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_records.adapters.sql import SqlRequestRecords, open_engine
from interlock_runtime.sqlite import SqliteDatabase

PAGE = 2_000


class Compared(Struct, frozen=True, kw_only=True):
    """View rows beside fold(log) at the view's position; `state` stands at the end of the log."""

    position: int
    head: int
    view_digest: str
    fold_digest: str
    rows: int
    state: State


def copy(database: Path, to: Path) -> None:
    """One consistent copy, what still stands in the write-ahead log included."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@asynccontextmanager
async def opened(database: Path) -> AsyncIterator[tuple[SqliteEventLog, SqlRequestRecords]]:
    """Log and request records of a file that nobody writes to."""
    held = SqliteDatabase.open_read_only(database)
    records = SqlRequestRecords(open_engine(f"sqlite+aiosqlite:///{database}"))
    try:
        yield SqliteEventLog(held, lambda: time.time_ns() // 1_000_000), records
    finally:
        await records.close()
        await held.close()


async def events(log: SqliteEventLog, *, after: int = 0) -> AsyncIterator[list[RecordedEvent]]:
    """The log page by page."""
    while page := await log.read(after=after, limit=PAGE):
        yield page
        after = page[-1].position


async def compare(database: Path, projection: str = "routing-1") -> Compared:
    """Fold the whole log and compare by hash with the rows of the view."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT position FROM projection WHERE name = ?", (projection,)).fetchone()
        rows = connection.execute("SELECT key, row FROM view WHERE projection = ?", (projection,)).fetchall()
    position = int(found[0]) if found is not None else 0
    state, fold_digest = empty_state(), None
    async with opened(database) as (log, _):
        async for page in events(log):
            if fold_digest is None and page[-1].position > position:
                fold_to(page, state, position)
                fold_digest = table_digest(state)
            fold_to(page, state)
        head = await log.head()
    # Both ways of hashing: the running sum of the fold, and the rows themselves.
    last = fold_digest if fold_digest is not None else digest.table_digest(all_rows(state))
    return Compared(
        position=position,
        head=head,
        view_digest=digest.table_digest(dict(rows)),
        fold_digest=last,
        rows=len(rows),
        state=state,
    )
