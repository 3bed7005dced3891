"""The stores that tests run over, memory or SQLite, and a second look at the same file."""

from collections.abc import Callable
from pathlib import Path

from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.adapters.sqlite import SqliteFeed
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_runtime.sqlite import SqliteDatabase
from interlock_testing.clock import FakeClock
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


__all__ = ["KINDS", "FakeClock", "Stores"]
