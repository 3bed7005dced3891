"""What a cluster is, from its one row: the generation of its log, its key, and which projection is in force.

Rule: read once when a process starts; a new generation means that every process is started again, because
positions of the old one mean nothing any more. The key never leaves by a sentence, a log or a metric.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.postgres import SchemaBehind, place, transaction

ROUTING: Final = "routing"
FIRST_PROJECTION: Final = "routing-1"
"""In force until somebody promotes another."""


class ClusterRow(Struct, frozen=True, kw_only=True):
    """The row `cluster`, and where the pointer of the routing projections stands."""

    generation: int
    key: bytes
    projection: str = FIRST_PROJECTION

    def __repr__(self) -> str:
        """Without the key."""
        return f"ClusterRow(generation={self.generation}, projection={self.projection!r}, ...)"


async def read_cluster(engine: AsyncEngine) -> ClusterRow:
    """The row as it is now; raises PostgresError."""
    statement = text(
        "SELECT generation, key, (SELECT projection FROM pointer WHERE family = :family) FROM cluster"
    )
    async with transaction(engine) as connection:
        found = (await connection.execute(statement, {"family": ROUTING})).first()
    if found is None:
        raise SchemaBehind(
            f"{place(engine.url)} has lost its row `cluster`: restore the database from a copy"
        )
    generation, key, projection = found
    return ClusterRow(generation=generation, key=bytes(key), projection=projection or FIRST_PROJECTION)
