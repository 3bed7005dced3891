"""Views in SQLite: rows, effects, checkpoints and position of each projection in one file.

Rule: the first statement of a commit is the compare-and-set on (position, epoch); when it moves
nothing the transaction writes nothing, so a paused former owner is harmless. Not synced on its own:
a view is a function of the log, and what a power cut takes is folded again.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from interlock_domain.projection.effects import Effect
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.thinning import kept
from interlock_views.views import Checkpoint, ViewCommit, ViewTable

TABLES: Final = """
CREATE TABLE IF NOT EXISTS projection (
    name TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS view (
    projection TEXT NOT NULL,
    key TEXT NOT NULL,
    row BLOB NOT NULL,
    PRIMARY KEY (projection, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (
    projection TEXT NOT NULL,
    position INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    digest TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (projection, position)
);
CREATE TABLE IF NOT EXISTS transition (
    projection TEXT NOT NULL,
    position INTEGER NOT NULL,
    n INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (projection, position, n)
);
CREATE INDEX IF NOT EXISTS transition_order ON transition (position, n);
CREATE INDEX IF NOT EXISTS transition_subject ON transition (subject, position, n);
"""

_effects = msgspec.json.Decoder(Effect)


class SqliteViews:
    """Views over an embedded database."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        database.declare(TABLES, lambda _: None)

    async def claim(self, projection: str) -> int:
        """See Views."""
        sql = (
            "INSERT INTO projection (name, epoch) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1 RETURNING epoch"
        )
        return await self._database.run(
            lambda connection: int(connection.execute(sql, (projection,)).fetchone()[0])
        )

    async def load(self, projection: str) -> ViewTable:
        """See Views."""
        return await self._database.read(lambda connection: _load(connection, projection))

    async def commit(self, step: ViewCommit) -> bool:
        """See Views."""
        return await self._database.run(lambda connection: _commit(connection, step))

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See Views."""
        await self._database.run(lambda connection: _save(connection, checkpoint))

    async def checkpoint(self, projection: str, *, at_or_before: int | None = None) -> Checkpoint | None:
        """See Views."""
        sql = (
            "SELECT schema, position, recorded_ms, digest, state FROM checkpoint "
            "WHERE projection = ? AND (? IS NULL OR position <= ?) ORDER BY position DESC LIMIT 1"
        )
        values = (projection, at_or_before, at_or_before)
        row = await self._database.read(lambda connection: connection.execute(sql, values).fetchone())
        if row is None:
            return None
        schema, position, recorded_ms, digest, state = row
        return Checkpoint(
            projection=projection,
            schema=schema,
            position=position,
            recorded_ms=recorded_ms,
            digest=digest,
            state=state,
        )

    async def transitions(
        self, *, subject: str | None = None, after: int = 0, limit: int = 500, newest: bool = False
    ) -> Sequence[Effect]:
        """See Views."""
        sql, values = _page(subject, after, limit, newest=newest)
        rows = await self._database.read(lambda connection: connection.execute(sql, values).fetchall())
        return [_effects.decode(body) for (body,) in rows]

    async def prune(self, before_ms: int) -> int:
        """Delete transitions observed before that moment of log time; returns how many."""
        sql = "DELETE FROM transition WHERE at_ms < ?"
        return await self._database.run(lambda connection: connection.execute(sql, (before_ms,)).rowcount)


def _load(connection: sqlite3.Connection, projection: str) -> ViewTable:
    held = connection.execute("SELECT position FROM projection WHERE name = ?", (projection,)).fetchone()
    rows = connection.execute("SELECT key, row FROM view WHERE projection = ?", (projection,))
    return ViewTable(position=0 if held is None else held[0], rows=dict(rows.fetchall()))


def _commit(connection: sqlite3.Connection, step: ViewCommit) -> bool:
    name = step.projection
    moved = connection.execute(
        "UPDATE projection SET position = ? WHERE name = ? AND position = ? AND epoch = ?",
        (step.position, name, step.expected_position, step.epoch),
    )
    if moved.rowcount != 1:
        return False
    connection.executemany(
        "INSERT INTO view (projection, key, row) VALUES (?, ?, ?) "
        "ON CONFLICT (projection, key) DO UPDATE SET row = excluded.row",
        [(name, key, row) for key, row in step.rows.items() if row is not None],
    )
    connection.executemany(
        "DELETE FROM view WHERE projection = ? AND key = ?",
        [(name, key) for key, row in step.rows.items() if row is None],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO transition (projection, position, n, at_ms, kind, subject, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (name, one.position, one.n, one.at_ms, one.kind.value, one.subject, msgspec.json.encode(one))
            for one in step.effects
        ],
    )
    return True


def _save(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    name = checkpoint.projection
    owned = connection.execute(
        "SELECT 1 FROM projection WHERE name = ? AND epoch = ?", (name, checkpoint.epoch)
    )
    if checkpoint.epoch and owned.fetchone() is None:
        return
    connection.execute(
        "INSERT OR REPLACE INTO checkpoint (projection, position, schema, recorded_ms, digest, state) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            name,
            checkpoint.position,
            checkpoint.schema,
            checkpoint.recorded_ms,
            checkpoint.digest,
            checkpoint.state,
        ),
    )
    held = connection.execute("SELECT position, recorded_ms FROM checkpoint WHERE projection = ?", (name,))
    found = held.fetchall()
    keep = kept(found)
    connection.executemany(
        "DELETE FROM checkpoint WHERE projection = ? AND position = ?",
        [(name, position) for position, _ in found if position not in keep],
    )


def _page(subject: str | None, after: int, limit: int, *, newest: bool) -> tuple[str, list[object]]:
    """The first `limit` transitions and the rest of the last one's position, as one statement."""
    order, beyond = ("DESC", "<") if newest else ("ASC", ">")
    conditions: dict[str, object] = {}
    if subject is not None:
        conditions["subject = ?"] = subject
    if after:
        conditions[f"position {beyond} ?"] = after
    where = " AND ".join(conditions) or "TRUE"
    values = list(conditions.values())
    edge = (
        f"SELECT position FROM transition WHERE {where} "
        f"ORDER BY position {order}, projection {order}, n {order} LIMIT 1 OFFSET ?"
    )
    compare = ">=" if newest else "<="
    sql = (
        f"SELECT body FROM transition WHERE {where} "
        f"AND position {compare} coalesce(({edge}), {0 if newest else 'position'}) "
        f"ORDER BY position {order}, projection {order}, n {order}"
    )
    return sql, [*values, *values, limit - 1]
