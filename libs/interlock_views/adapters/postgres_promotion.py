"""The pointer in PostgreSQL, and what every projection says of itself.

Rule: a move is one transaction that locks the pointer and both projections first, so an owner's commit comes
before it or is refused by the new epoch, never between. Lock order is pointer, then projections by name:
every other writer locks one row only.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from interlock_runtime.cluster_row import FIRST_PROJECTION, ROUTING
from interlock_runtime.postgres import transaction
from interlock_views.promotion import Comparison, Standing

_IN_FORCE: Final = (
    f"SELECT coalesce((SELECT projection FROM pointer WHERE family = '{ROUTING}'), '{FIRST_PROJECTION}')"
)
_STANDINGS: Final = f"""
WITH force AS (
    SELECT coalesce(max(projection), '{FIRST_PROJECTION}') AS name, max(before) AS before
    FROM pointer WHERE family = '{ROUTING}'
)
SELECT p.name, p.epoch, p.position, p.compared, p.name = force.name AS in_force,
    coalesce(p.name = force.before, false) AS before,
    CASE WHEN p.lease_until > clock_timestamp() THEN p.owner END AS owner,
    (SELECT count(*) FROM dead_letter d WHERE d.consumer = p.name AND d.state = 'waiting') AS dead_letters
FROM projection p, force
ORDER BY p.name <> force.name, p.name
"""
_NOTE: Final = "UPDATE projection SET compared = :compared WHERE name = :name AND epoch = :epoch"
_POINTER: Final = f"""
INSERT INTO pointer (family, projection) VALUES ('{ROUTING}', '{FIRST_PROJECTION}') ON CONFLICT DO NOTHING
"""
_AT: Final = f"SELECT projection FROM pointer WHERE family = '{ROUTING}' FOR UPDATE"
_LOCK: Final = "SELECT name FROM projection WHERE name IN (:new, :old) ORDER BY name FOR UPDATE"
_MOVE: Final = f"""
UPDATE pointer SET projection = :new, before = :old, since = greatest(since, coalesce(
    (SELECT min(position) - 1 FROM transition
        WHERE projection = :old AND NOT published AND position > pointer.since),
    (SELECT position FROM projection WHERE name = :old),
    0
))
WHERE family = '{ROUTING}'
"""
_NEW: Final = """
UPDATE projection SET epoch = (SELECT max(epoch) FROM projection) + 1, owner = NULL, lease_until = NULL,
    compared = NULL
WHERE name = :new
"""
_OLD: Final = """
UPDATE projection SET epoch = epoch + 1, owner = NULL, lease_until = NULL WHERE name = :old
"""


class PostgresPromotions:
    """Promotions over the cluster's database; every method raises PostgresError when it is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def in_force(self) -> str:
        """See Promotions."""
        async with transaction(self._engine) as connection:
            return str(await connection.scalar(text(_IN_FORCE)))

    async def standings(self) -> list[Standing]:
        """See Promotions."""
        async with transaction(self._engine) as connection:
            return [_standing(row) for row in await connection.execute(text(_STANDINGS))]

    async def note(self, projection: str, epoch: int, comparison: Comparison) -> bool:
        """See Promotions."""
        values = {"name": projection, "epoch": epoch, "compared": msgspec.json.encode(comparison)}
        async with transaction(self._engine) as connection:
            return (await connection.execute(text(_NOTE), values)).rowcount == 1

    async def point_at(self, projection: str, *, instead_of: str) -> bool:
        """See Promotions."""
        async with transaction(self._engine) as connection:
            return await _point_at(connection, {"new": projection, "old": instead_of})


async def _point_at(connection: AsyncConnection, names: dict[str, str]) -> bool:
    await connection.execute(text(_POINTER))
    if await connection.scalar(text(_AT)) != names["old"]:
        return False
    locked = set((await connection.execute(text(_LOCK), names)).scalars())
    if names["new"] not in locked:
        return False
    await connection.execute(text(_MOVE), names)
    await connection.execute(text(_OLD), {"old": names["old"]})
    await connection.execute(text(_NEW), {"new": names["new"]})
    return True


def _standing(row: Any) -> Standing:
    compared = None if row.compared is None else msgspec.json.decode(row.compared, type=Comparison)
    return Standing(
        name=row.name,
        epoch=row.epoch,
        position=row.position,
        in_force=row.in_force,
        before=row.before,
        owner=row.owner,
        dead_letters=row.dead_letters,
        compared=compared,
    )
