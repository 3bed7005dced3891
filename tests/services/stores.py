"""The stores that tests run over, in memory or in a file."""

from collections.abc import Callable
from pathlib import Path

from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.state import State, empty_state
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import LogReader
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.adapters.sqlite import SqliteFeed
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.adapters.memory import MemoryViews
from interlock_views.adapters.sqlite import SqliteViews

KINDS = ("memory", "sqlite")


class Stores:
    """Log, views, feed and records of one installation; `wall_ms` dates what is appended."""

    def __init__(self, kind: str, folder: Path, wall_ms: Callable[[], int]) -> None:
        self.path = folder / "interlock.db"
        self.database: SqliteDatabase | None = None
        self.records = MemoryRequestRecords()
        self.log: MemoryEventLog | SqliteEventLog
        self.views: MemoryViews | SqliteViews
        self.feed: MemoryFeed | SqliteFeed
        if kind == "sqlite":
            self.database = SqliteDatabase(self.path)
            self.log = SqliteEventLog(self.database, wall_ms)
            self.views, self.feed = SqliteViews(self.database), SqliteFeed(self.database)
        else:
            self.log, self.views, self.feed = MemoryEventLog(wall_ms), MemoryViews(), MemoryFeed()

    async def close(self) -> None:
        """Close the file."""
        if self.database is not None:
            await self.database.close()


async def folded(log: LogReader, *, to: int | None = None) -> State:
    """The log folded from its start by nobody else's code: what everything else must equal."""
    state = empty_state()
    while records := await log.read(
        after=state.staged[-1].position if state.staged else state.position, limit=100
    ):
        for record in records:
            if to is not None and record.position > to:
                return state
            evolve(state, record)
    return state
