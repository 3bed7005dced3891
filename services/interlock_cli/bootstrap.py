"""Composition root of the command line: the control plane's own application over a file at rest.

Rule: the database is opened for reading, so a command can neither change it nor get into the way of its
owner. What is built here answers exactly as a running control plane would, because it is the same code.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from interlock_cli.at_rest import PROJECTION, resting_state
from interlock_control.app import build_app
from interlock_control.bootstrap import embedded_control
from interlock_control.timemachine import LocalPast
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_records.adapters.sql import SqlRequestRecords, open_engine
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.adapters.sqlite import SqliteViews


async def open_at_rest(database: Path) -> tuple[Any, Callable[[], Awaitable[None]]]:
    """The application, and how to close it again. Raises StorageError."""
    path = database.absolute()  # noqa: ASYNC240  a name, not a look at the disk
    opened = SqliteDatabase.open_read_only(path)
    log = SqliteEventLog(opened, lambda: 0)
    views = SqliteViews(opened)
    records = SqlRequestRecords(open_engine(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true"))
    routing = await resting_state(log, views)
    plane = embedded_control(log, views, records, routing, past=LocalPast(log, views, PROJECTION))

    async def close() -> None:
        await records.close()
        await opened.close()

    return build_app(plane), close
