"""Views in PostgreSQL: rows, effects, dead letters, checkpoints and position of each projection.

Rule: a commit is ONE statement, and everything it writes hangs on its first part, the compare-and-set on
(position, epoch): when that moves nothing, nothing is written. A former owner that was frozen at any moment
therefore holds no lock and leaves no half of a step. Dropped: a transaction of several statements; whoever
is stopped between two of them keeps the row locked against its successor until the server loses patience.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_domain.projection.effects import Effect
from interlock_runtime.cluster_row import FIRST_PROJECTION, ROUTING
from interlock_runtime.postgres import transaction
from interlock_views.thinning import kept
from interlock_views.views import Checkpoint, DeadLetter, ViewCommit, ViewTable

_CLAIM: Final = """
INSERT INTO projection (name, epoch) VALUES (:name, 1)
ON CONFLICT (name) DO UPDATE SET epoch = projection.epoch + 1, owner = NULL, lease_until = NULL
RETURNING epoch
"""
_LOAD: Final = """
SELECT p.position, v.key, v.row FROM projection p LEFT JOIN view v ON v.projection = p.name
WHERE p.name = :name
"""
"""One statement, so that rows and position are of one moment whatever the isolation level."""

_MOVED: Final = """
moved AS (
    UPDATE projection SET position = :position
    WHERE name = :name AND position = :expected AND epoch = :epoch
    RETURNING name
)
"""
_PARTS: Final = {
    "keys": """
    written AS (
        INSERT INTO view (projection, key, row)
        SELECT moved.name, new.key, new.row
        FROM moved, unnest(CAST(:keys AS text[]), CAST(:rows AS bytea[])) AS new (key, row)
        ON CONFLICT (projection, key) DO UPDATE SET row = excluded.row
    )
    """,
    "gone": """
    removed AS (
        DELETE FROM view USING moved
        WHERE view.projection = moved.name AND view.key = ANY (CAST(:gone AS text[]))
    )
    """,
    "positions": """
    observed AS (
        INSERT INTO transition (projection, position, n, at_ms, kind, subject, body)
        SELECT moved.name, new.* FROM moved, unnest(
            CAST(:positions AS bigint[]), CAST(:ns AS integer[]), CAST(:ats AS bigint[]),
            CAST(:kinds AS text[]), CAST(:subjects AS text[]), CAST(:bodies AS bytea[])
        ) AS new
        ON CONFLICT (projection, position, n) DO UPDATE SET
            at_ms = excluded.at_ms, kind = excluded.kind, subject = excluded.subject, body = excluded.body
    )
    """,
    "topics": """
    passed_over AS (
        INSERT INTO dead_letter (
            consumer, topic, partition, log_offset, recorded_ms, reason, detail, key, headers, value
        )
        SELECT moved.name, new.* FROM moved, unnest(
            CAST(:topics AS text[]), CAST(:partitions AS integer[]), CAST(:offsets AS bigint[]),
            CAST(:recorded AS bigint[]), CAST(:reasons AS text[]), CAST(:details AS text[]),
            CAST(:letter_keys AS bytea[]), CAST(:headers AS bytea[]), CAST(:letter_values AS bytea[])
        ) AS new
        ON CONFLICT (consumer, topic, partition, log_offset) DO NOTHING
    )
    """,
}
"""Parts of a commit by the argument that they cannot do without; a commit brings only those it needs."""

_SAVE: Final = """
INSERT INTO checkpoint (projection, position, schema, recorded_ms, digest, state)
SELECT :name, :position, :schema, :recorded_ms, :digest, :state
WHERE :epoch = 0 OR EXISTS (SELECT FROM projection WHERE name = :name AND epoch = :epoch)
ON CONFLICT (projection, position) DO UPDATE SET
    schema = excluded.schema, recorded_ms = excluded.recorded_ms,
    digest = excluded.digest, state = excluded.state
"""
_CHECKPOINT: Final = """
SELECT position, schema, recorded_ms, digest, state FROM checkpoint
WHERE projection = :name AND position <= :at ORDER BY position DESC LIMIT 1
"""
_NO_LIMIT: Final = 2**63 - 1
_IN_FORCE: Final = f"""
projection = coalesce((SELECT projection FROM pointer WHERE family = '{ROUTING}'), '{FIRST_PROJECTION}')
"""
"""Readers see what the projection in force observed; a rebuild beside it observes everything again."""

_effects = msgspec.json.Decoder(Effect)


class PostgresViews:
    """Views over the cluster's database; every method raises PostgresError when it cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def claim(self, projection: str) -> int:
        """See Views. Whoever holds a lease on it has lost it."""
        done = await self._run(_CLAIM, {"name": projection})
        return int(done.scalar_one())

    async def load(self, projection: str) -> ViewTable:
        """See Views."""
        found: Sequence[Any] = (await self._run(_LOAD, {"name": projection})).all()
        rows = {key: row for _, key, row in found if key is not None}
        return ViewTable(position=found[0][0] if found else 0, rows=rows)

    async def position(self, projection: str) -> int:
        """How far it is committed, without its rows: what a standby looks at."""
        found = await self._run("SELECT position FROM projection WHERE name = :name", {"name": projection})
        return found.scalar_one_or_none() or 0

    async def commit(self, step: ViewCommit) -> bool:
        """See Views."""
        values = _values(step)
        parts = [_MOVED, *(part for needed, part in _PARTS.items() if needed in values)]
        sql = f"WITH {', '.join(parts)} SELECT count(*) FROM moved"
        return bool((await self._run(sql, values)).scalar_one())

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See Views."""
        values = {"name": checkpoint.projection} | msgspec.structs.asdict(checkpoint)
        del values["projection"]
        if not (await self._run(_SAVE, values)).rowcount:
            return
        found: Any = await self._run(
            "SELECT position, recorded_ms FROM checkpoint WHERE projection = :name",
            {"name": checkpoint.projection},
        )
        held = [(position, recorded_ms) for position, recorded_ms in found]
        old = {position for position, _ in held} - kept(held)
        if old:
            await self._run(
                "DELETE FROM checkpoint WHERE projection = :name AND position = ANY (CAST(:old AS bigint[]))",
                {"name": checkpoint.projection, "old": sorted(old)},
            )

    async def checkpoint(self, projection: str, *, at_or_before: int | None = None) -> Checkpoint | None:
        """See Views."""
        at = _NO_LIMIT if at_or_before is None else at_or_before
        row = (await self._run(_CHECKPOINT, {"name": projection, "at": at})).one_or_none()
        return None if row is None else Checkpoint(projection=projection, **row._mapping)

    async def transitions(
        self, *, subject: str | None = None, after: int = 0, limit: int = 500, newest: bool = False
    ) -> Sequence[Effect]:
        """See Views."""
        sql, values = _page(subject, after, limit, newest=newest)
        return [_effects.decode(body) for (body,) in await self._run(sql, values)]

    async def prune(self, before_ms: int) -> int:
        """Delete transitions observed before that moment of log time; returns how many."""
        return (await self._run("DELETE FROM transition WHERE at_ms < :at", {"at": before_ms})).rowcount

    async def _run(self, sql: str, values: Mapping[str, Any]) -> CursorResult[Any]:
        async with transaction(self._engine) as connection:
            return await connection.execute(text(sql), values)


def _values(step: ViewCommit) -> dict[str, Any]:
    """The arguments of a commit; a part without anything to write has none."""
    values: dict[str, Any] = {
        "name": step.projection,
        "epoch": step.epoch,
        "expected": step.expected_position,
        "position": step.position,
    }
    written = {key: row for key, row in step.rows.items() if row is not None}
    if written:
        values |= {"keys": list(written), "rows": list(written.values())}
    if len(written) < len(step.rows):
        values["gone"] = [key for key, row in step.rows.items() if row is None]
    return values | _of_effects(step.effects) | _of_letters(step.dead_letters)


def _of_effects(effects: Sequence[Effect]) -> dict[str, Any]:
    if not effects:
        return {}
    return {
        "positions": [one.position for one in effects],
        "ns": [one.n for one in effects],
        "ats": [one.at_ms for one in effects],
        "kinds": [one.kind.value for one in effects],
        "subjects": [one.subject for one in effects],
        "bodies": [msgspec.json.encode(one) for one in effects],
    }


def _of_letters(letters: Sequence[DeadLetter]) -> dict[str, Any]:
    if not letters:
        return {}
    return {
        "topics": [one.topic for one in letters],
        "partitions": [one.partition for one in letters],
        "offsets": [one.offset for one in letters],
        "recorded": [one.recorded_ms for one in letters],
        "reasons": [str(one.reason) for one in letters],
        "details": [_storable(one.detail) for one in letters],
        "letter_keys": [one.key for one in letters],
        "headers": [msgspec.json.encode(_headers(one)) for one in letters],
        "letter_values": [one.value for one in letters],
    }


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    return [(_storable(name), value) for name, value in letter.headers]


def _storable(detail: str) -> str:
    """Text of an unreadable record may hold what PostgreSQL's text cannot: NUL and lone surrogates."""
    return detail.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _page(subject: str | None, after: int, limit: int, *, newest: bool) -> tuple[str, dict[str, Any]]:
    """The first `limit` transitions and the rest of the last one's position, as one statement."""
    order, beyond, edge = ("DESC", "<", ">=") if newest else ("ASC", ">", "<=")
    values: dict[str, Any] = {"last": limit - 1}
    conditions = [_IN_FORCE]
    if subject is not None:
        conditions.append("subject = :subject")
        values["subject"] = subject
    if after:
        conditions.append(f"position {beyond} :after")
        values["after"] = after
    where = " AND ".join(conditions)
    ordered = f"ORDER BY position {order}, projection {order}, n {order}"
    last = f"SELECT position FROM transition WHERE {where} {ordered} LIMIT 1 OFFSET :last"
    sql = (
        f"SELECT body FROM transition WHERE {where} "
        f"AND position {edge} coalesce(({last}), {0 if newest else _NO_LIMIT}) {ordered}"
    )
    return sql, values
