"""How a cell stands, as its database tells: what waits for the log, who may project, which letters wait.

Rule: one statement, by the database's own clock, that whoever looks after a cell may ask every few seconds.
It needs no running part of the cell, so it also says what is wrong when none runs. Dropped: asking the relay,
because the case to be told is the one in which no relay answers.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.cluster_row import FIRST_PROJECTION, ROUTING
from interlock_runtime.postgres import SchemaBehind, place, transaction

RELAY: Final = 0x494C434B_00000003
"""The advisory lock of the one active relay: the letters ILCK, then a number of our own."""
MOST: Final = 10_000
"""More are not counted: at that many the number itself no longer matters."""

_STAND: Final = text(
    f"""
    SELECT
        cluster.generation,
        (SELECT coalesce(max(position), 0) FROM journal),
        (SELECT count(*) FROM (SELECT FROM journal WHERE log_position IS NULL LIMIT {MOST}) AS waiting),
        (
            SELECT greatest(0, extract(epoch FROM clock_timestamp()) - recorded_ms / 1000.0)
            FROM journal WHERE log_position IS NULL ORDER BY position LIMIT 1
        ),
        (
            SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid
            WHERE locktype = 'advisory' AND granted AND datname = current_database() AND objsubid = 1
                AND (CAST(classid AS bigint) << 32) + CAST(objid AS bigint) = :relay_lock
        ),
        (SELECT count(*) FROM (SELECT FROM dead_letter WHERE state = 'waiting' LIMIT {MOST}) AS letters),
        named.projection, projection.position, projection.epoch, projection.owner,
        extract(epoch FROM projection.lease_until - clock_timestamp())
    FROM cluster
    CROSS JOIN (
        SELECT coalesce((SELECT projection FROM pointer WHERE family = :family), :first) AS projection
    ) AS named
    LEFT JOIN projection ON projection.name = named.projection
    """
)


class CellStanding(Struct, frozen=True, kw_only=True):
    """One look. `waiting`: decisions that the log has not got; `lease_s`: what is left of the lease."""

    generation: int
    decided: int
    waiting: int
    waiting_s: float
    relays: int
    letters: int
    projection: str
    projected: int
    epoch: int
    owner: str | None
    lease_s: float

    @property
    def owned(self) -> bool:
        """Somebody holds the lease now."""
        return self.owner is not None and self.lease_s > 0


async def read_standing(engine: AsyncEngine) -> CellStanding:
    """Ask; raises PostgresError."""
    values = {"relay_lock": RELAY, "family": ROUTING, "first": FIRST_PROJECTION}
    async with transaction(engine) as connection:
        found = (await connection.execute(_STAND, values)).first()
    if found is None:
        raise SchemaBehind(
            f"{place(engine.url)} has lost its row `cluster`: restore the database from a copy"
        )
    generation, decided, waiting, waiting_s, relays, letters, name, at, epoch, owner, left = found
    return CellStanding(
        generation=generation,
        decided=decided,
        waiting=waiting,
        waiting_s=float(waiting_s or 0),
        relays=relays,
        letters=letters,
        projection=name,
        projected=at or 0,
        epoch=epoch or 0,
        owner=owner,
        lease_s=float(left or 0),
    )
