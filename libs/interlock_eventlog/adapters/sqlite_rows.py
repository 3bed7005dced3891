"""The log's table and the statements over it.

Columns beside the body exist to be searched; the body alone is the record. Each index has a reader:
id (repeats), stream and version (expected versions), stream (one entity), subject (history of a
target), type (lists of one kind), time (`state --at`, pruning).
"""

import sqlite3
from typing import Final

from interlock_domain.recorded import NewEvent
from interlock_eventlog.envelope import subject_of
from interlock_eventlog.placing import Place
from interlock_eventlog.queries import EventFilter

TABLES: Final = """
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    version INTEGER,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS events_version ON events (stream, version) WHERE version IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_stream ON events (stream, position);
CREATE INDEX IF NOT EXISTS events_subject ON events (subject, position);
CREATE INDEX IF NOT EXISTS events_type ON events (type, position);
CREATE INDEX IF NOT EXISTS events_time ON events (recorded_ms, position);
"""

INSERT: Final = """
INSERT INTO events (position, stream, version, id, type, subject, recorded_ms, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
"""Ids are looked up before: `ON CONFLICT DO NOTHING` would use up the position all the same."""


def insertion(
    position: int, now: int, stream: str, version: int | None, *, new: NewEvent, body: bytes
) -> tuple[object, ...]:
    """The values of INSERT."""
    subject = subject_of(stream, new.event)
    return position, stream, version, new.id, type(new.event).__name__, subject, now, body


def last_position(connection: sqlite3.Connection) -> int:
    """The last position ever given, pruned or not; 0 for an empty log."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if row is None else int(row[0])


def version_of(connection: sqlite3.Connection, stream: str) -> int:
    """The last version of a decision stream; 0 when it is empty."""
    sql = "SELECT coalesce(max(version), 0) FROM events WHERE stream = ? AND version IS NOT NULL"
    return int(connection.execute(sql, (stream,)).fetchone()[0])


def place_of(connection: sqlite3.Connection, id: str) -> Place | None:
    """Where the event of that id stands."""
    row = connection.execute("SELECT position, stream, version FROM events WHERE id = ?", (id,)).fetchone()
    return None if row is None else Place(*row)


def query(wanted: EventFilter) -> tuple[str, list[object]]:
    """The statement and values of a filter; conditions are constants of this module."""
    cursor = "position < ?" if wanted.newest else "position > ?"
    conditions = {
        "stream = ?": wanted.stream,
        "subject = ?": wanted.subject,
        "type = ?": wanted.type,
        "position >= ?": wanted.from_position,
        "position <= ?": wanted.to_position,
        "recorded_ms >= ?": wanted.from_ms,
        "recorded_ms <= ?": wanted.to_ms,
        cursor: wanted.after or None,
    }
    used = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(used) or "TRUE"
    order = "DESC" if wanted.newest else "ASC"
    sql = (
        f"SELECT position, recorded_ms, stream, type, body FROM events WHERE {where} "
        f"ORDER BY position {order} LIMIT ?"
    )
    return sql, [*used.values(), wanted.limit]
