"""Fresh databases on a PostgreSQL, whoever runs it: each a copy of one that was migrated once.

Rule: a test has a database of its own, dropped afterwards, also when connections to it were left open.
One database emptied between tests was dropped: two workers would empty it for one another.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]

from interlock_runtime.migrate import upgrade

CONNECT_S: Final = 20.0
"""A busy test machine, not a broken server."""


class PostgresService:
    """A server that tests may create databases on; `url` is a login that may, and carries no options."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.template: str | None = None
        """Name of the migrated database, once there is one."""

    async def prepare(self) -> None:
        """Migrate the database that the others are copied from; once."""
        if self.template is None:
            name = _fresh_name("template")
            await self._administer(f'CREATE DATABASE "{name}"')
            await upgrade(self.address(name))
            self.template = name

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The URL of a migrated database of one's own."""
        await self.prepare()
        async with self._created(f'TEMPLATE "{self.template}"') as url:
            yield url

    @asynccontextmanager
    async def empty_database(self) -> AsyncIterator[str]:
        """The URL of a database without tables, for tests of migrations."""
        async with self._created("TEMPLATE template0") as url:
            yield url

    def address(self, database: str) -> str:
        """The URL of a database of this server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    async def close(self) -> None:
        """Drop what `prepare` made."""
        name, self.template = self.template, None
        if name is not None:
            await self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def _created(self, of: str) -> AsyncIterator[str]:
        name = _fresh_name("test")
        await self._administer(f'CREATE DATABASE "{name}" {of}')
        try:
            yield self.address(name)
        finally:
            # A test that killed the server may end without one: its data folder goes as a whole.
            with contextlib.suppress(OSError):
                await self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _administer(self, statement: str) -> None:
        connection: Any = await asyncpg.connect(self.url, timeout=CONNECT_S)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _fresh_name(kind: str) -> str:
    return f"interlock_{kind}_{uuid.uuid4().hex[:12]}"
