"""Composition root of the control plane: ports and adapters into what the application stands on.

Rule: only this module names adapters. It stays free of the web framework, because the child process that
folds the past comes in here too, and starts in a tenth of a second that way.
"""

import uuid
from pathlib import Path

from interlock_control.clock import Clock, SystemClock
from interlock_control.commands import CommandHandler
from interlock_control.credentials import CredentialFollower
from interlock_control.decisions import SearchableLog
from interlock_control.live import LiveScenes
from interlock_control.plane import ControlPlane
from interlock_control.timemachine import ChildPast, Past
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import EventLog
from interlock_records.records import RequestRecords
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.adapters.sqlite import SqliteViews
from interlock_views.live import RoutingState
from interlock_views.views import Views


def fresh_id() -> str:
    """An event id that nobody else gives."""
    return uuid.uuid4().hex


def embedded_past(database: Path, projection: str = "routing-1") -> Past:
    """The past of a database file, folded in a child process."""
    return ChildPast(database, projection)


def embedded_control(
    log: SearchableLog,
    views: Views,
    records: RequestRecords,
    routing: RoutingState,
    *,
    past: Past,
    clock: Clock | None = None,
) -> ControlPlane:
    """The control plane of one process that holds everything."""
    commands = CommandHandler(log, fresh_id)
    return ControlPlane(
        log=log,
        views=views,
        records=records,
        routing=routing,
        commands=commands,
        credentials=CredentialFollower(views, commands),
        past=past,
        now=LiveScenes(routing),
        clock=clock or SystemClock(),
    )


def open_for_reading(database: Path) -> tuple[EventLog, Views]:
    """The log and the views of a file that another process owns."""
    opened = SqliteDatabase.open_read_only(database)
    return SqliteEventLog(opened, SystemClock().wall_ms), SqliteViews(opened)
