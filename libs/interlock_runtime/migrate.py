"""The database schema of a cluster: which revision a database has, and the way to another.

Rule: one transaction for the whole way, behind an advisory lock, so that two `interlock migrate` at once
make one schema and a failing step leaves nothing behind. Versions stand in `migrations/`, plain SQL run by
alembic; a wheel carries that folder as `interlock_migrations`. Dropped: creating tables from what the
adapters declare, which knows no way from yesterday's tables to today's.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from interlock_runtime.postgres import PostgresError, open_postgres, transaction

LOCK: Final = 0x494C434B_00000001
"""The advisory lock of migrations: the letters ILCK and a number. No table exists yet to lock."""


SHIPPED: Final = "interlock_migrations"
"""What a wheel calls the folder (pyproject.toml): a bare `migrations` would be anybody's."""


class SchemaNewer(PostgresError):
    """The database was migrated by a later version of this program."""


class SchemaState(Struct, frozen=True, kw_only=True):
    """The revision that a database has (None: no table of ours) and the one that this program wants."""

    present: str | None
    head: str

    @property
    def current(self) -> bool:
        """Nothing is to be done."""
        return self.present == self.head


async def schema_state(url: str) -> SchemaState:
    """Look, and change nothing. This and all that follows raise PostgresError, SchemaNewer among them."""
    async with _connected(url) as connection:
        return await connection.run_sync(_state)


async def upgrade(url: str) -> SchemaState:
    """Bring the schema to this program's revision; the answer says what it was before."""
    async with _connected(url) as connection:
        before = await connection.run_sync(_state)
        if not before.current:
            await connection.run_sync(_upgrade)
        return before


async def downgrade(url: str, revision: str = "base") -> SchemaState:
    """Back to an older revision; what only the newer tables held is lost."""
    async with _connected(url) as connection:
        before = await connection.run_sync(_state)
        await connection.run_sync(lambda known: command.downgrade(_config(known), revision))
        return before


async def generation(url: str) -> int:
    """The generation of the cluster's state feed."""
    async with _connected(url) as connection:
        return int(await connection.scalar(text("SELECT generation FROM cluster")) or 0)


async def new_generation(url: str, *, above: int = 0) -> int:
    """Raise the generation by one, and above what gateways have seen; the new one.

    Whoever owns a projection is fenced off, and reads the generation anew when it owns it again.
    """
    raised = text("UPDATE cluster SET generation = greatest(generation, :above) + 1 RETURNING generation")
    fenced = text("UPDATE projection SET epoch = epoch + 1, owner = NULL, lease_until = NULL")
    async with _connected(url) as connection:
        await connection.execute(fenced)
        return int(await connection.scalar(raised, {"above": above}) or 0)


def head() -> str:
    """The revision that this program wants."""
    return _head(ScriptDirectory(str(location())))


def location() -> Path:
    """The folder with the versions: beside the packages of a wheel, else at the root of the source tree."""
    here = Path(__file__).resolve()
    shipped = here.parents[1] / SHIPPED
    return shipped if shipped.is_dir() else here.parents[2] / "migrations"


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    """One transaction that no other migration is in at the same time."""
    engine = open_postgres(url, size=1)
    try:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection
    finally:
        await engine.dispose()


def _state(connection: Connection) -> SchemaState:
    scripts = ScriptDirectory(str(location()))
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise SchemaNewer(
            f"the database has schema {present}, and this version of interlock knows only up to "
            f"{_head(scripts)}: run the newer interlock that migrated it"
        )
    return SchemaState(present=present, head=_head(scripts))


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


def _head(scripts: ScriptDirectory) -> str:
    return scripts.get_current_head() or "base"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(location()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
