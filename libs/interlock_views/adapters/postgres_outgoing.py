"""Effects and dead letters on their way out of PostgreSQL: the mark beside each row.

Rule: the mark is set after the topic has acknowledged, so a crash between the two tells a thing twice and
never not at all; receivers drop the repetition by its id. What a projection wrote while another one was in
force is told only from where that one had got to: effects by position (`pointer.since`), letters by place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_domain.projection.effects import Effect
from interlock_runtime.cluster_row import FIRST_PROJECTION, ROUTING
from interlock_runtime.postgres import transaction
from interlock_views.outgoing import UntoldLetter

_FORCE: Final = f"""
WITH force AS (
    SELECT coalesce(max(projection), '{FIRST_PROJECTION}') AS name, coalesce(max(since), 0) AS since
    FROM pointer WHERE family = '{ROUTING}'
)
"""
_OWNED: Final = "EXISTS (SELECT FROM projection WHERE name = :name AND epoch = :epoch)"
_EFFECTS: Final = f"""
{_FORCE} SELECT body FROM transition, force
WHERE transition.projection = :name AND NOT published AND force.name = :name AND position > force.since
ORDER BY position, n LIMIT :limit
"""
_EFFECTS_TOLD: Final = f"""
UPDATE transition SET published = true
FROM unnest(CAST(:positions AS bigint[]), CAST(:ns AS integer[])) AS sent (position, n)
WHERE transition.projection = :name AND transition.position = sent.position AND transition.n = sent.n
AND {_OWNED}
"""
_LETTERS: Final = f"""
{_FORCE} SELECT id, topic, partition, log_offset, reason, detail, key, headers, value
FROM dead_letter AS one, force
WHERE consumer = :name AND NOT copied AND force.name = :name AND NOT EXISTS (
    SELECT FROM dead_letter AS other
    WHERE other.copied AND other.topic = one.topic AND other.partition = one.partition
    AND other.log_offset = one.log_offset
)
ORDER BY id LIMIT :limit
"""
_LETTERS_TOLD: Final = f"""
UPDATE dead_letter SET copied = true WHERE id = ANY (CAST(:ids AS bigint[])) AND consumer = :name AND {_OWNED}
"""

_effects = msgspec.json.Decoder(Effect)
_headers = msgspec.json.Decoder(tuple[tuple[str, bytes], ...])


class PostgresEffects:
    """Outgoing effects; every method raises PostgresError when the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def untold(self, projection: str, limit: int) -> list[Effect]:
        """See Outgoing."""
        found = await _run(self._engine, _EFFECTS, {"name": projection, "limit": limit})
        return [_effects.decode(body) for (body,) in found]

    async def told(self, projection: str, epoch: int, those: Sequence[Effect]) -> bool:
        """See Outgoing."""
        values = {
            "name": projection,
            "epoch": epoch,
            "positions": [one.position for one in those],
            "ns": [one.n for one in those],
        }
        return (await _run(self._engine, _EFFECTS_TOLD, values)).rowcount > 0


class PostgresLetters:
    """Outgoing dead letters; the same."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def untold(self, projection: str, limit: int) -> list[UntoldLetter]:
        """See Outgoing."""
        found = await _run(self._engine, _LETTERS, {"name": projection, "limit": limit})
        return [_letter(row) for row in found]

    async def told(self, projection: str, epoch: int, those: Sequence[UntoldLetter]) -> bool:
        """See Outgoing."""
        values = {"name": projection, "epoch": epoch, "ids": [one.id for one in those]}
        return (await _run(self._engine, _LETTERS_TOLD, values)).rowcount > 0


def _letter(row: Any) -> UntoldLetter:
    return UntoldLetter(
        id=row.id,
        topic=row.topic,
        partition=row.partition,
        offset=row.log_offset,
        reason=row.reason,
        detail=row.detail,
        key=row.key,
        headers=_headers.decode(row.headers),
        value=row.value,
    )


async def _run(engine: AsyncEngine, sql: str, values: Mapping[str, Any]) -> CursorResult[Any]:
    async with transaction(engine) as connection:
        return await connection.execute(text(sql), values)
