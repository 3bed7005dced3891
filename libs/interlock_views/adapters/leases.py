"""Leases in PostgreSQL: one row a projection, judged by the database's clock.

Rule: `clock_timestamp()`, never `now()`: a statement that had to wait for the row asks for the time again
when it got it. Each call is one statement, so a process that is frozen holds no lock.
"""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.postgres import transaction
from interlock_views.lease import Lease

_UNTIL: Final = "clock_timestamp() + make_interval(secs => :ttl)"
_ACQUIRE: Final = f"""
INSERT INTO projection (name, epoch, owner, lease_until) VALUES (:name, 1, :owner, {_UNTIL})
ON CONFLICT (name) DO UPDATE
SET epoch = projection.epoch + 1, owner = excluded.owner, lease_until = {_UNTIL}
WHERE projection.lease_until IS NULL OR projection.lease_until <= clock_timestamp()
RETURNING epoch
"""
_RENEW: Final = (
    f"UPDATE projection SET lease_until = {_UNTIL} WHERE name = :name AND epoch = :epoch AND owner = :owner"
)
_RELEASE: Final = """
UPDATE projection SET owner = NULL, lease_until = NULL
WHERE name = :name AND epoch = :epoch AND owner = :owner
"""


class PostgresLeases:
    """Leases over the cluster's database; every method raises PostgresError when it cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def acquire(self, projection: str, owner: str, ttl_s: float) -> Lease | None:
        """See Leases."""
        values = {"name": projection, "owner": owner, "ttl": ttl_s}
        async with transaction(self._engine) as connection:
            epoch = (await connection.execute(text(_ACQUIRE), values)).scalar_one_or_none()
        return None if epoch is None else Lease(projection=projection, owner=owner, epoch=epoch)

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """See Leases."""
        return await self._changed(_RENEW, lease, ttl=ttl_s)

    async def release(self, lease: Lease) -> None:
        """See Leases."""
        await self._changed(_RELEASE, lease)

    async def _changed(self, sql: str, lease: Lease, **more: Any) -> bool:
        values = {"name": lease.projection, "epoch": lease.epoch, "owner": lease.owner, **more}
        async with transaction(self._engine) as connection:
            return (await connection.execute(text(sql), values)).rowcount == 1
