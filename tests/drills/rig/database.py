"""The cell's database as it stands, asked by the drill itself and not through the program under test.

Rule: one connection a question, because the server is killed and stopped between two of them; `ask` gives
None while there is no answer. What belongs together is one statement, so it is of one moment.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

ANSWER_S: Final = 10.0
AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
PAUSE_S: Final = 0.1
"""After each question of a wait: a connection is a process of the server."""

_STUCK: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%moved%'
"""


class CellDatabase:
    """Questions to one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def rows(self, sql: str, *values: Any) -> Sequence[Any]:
        """The rows; raises what the driver raises."""
        connection = await self._connected()
        try:
            found: Sequence[Any] = await connection.fetch(sql, *values)
            return found
        finally:
            connection.terminate()

    async def ask(self, sql: str, *values: Any) -> Any:
        """One value; None for none, and while the server is away."""
        try:
            found = await self.rows(sql, *values)
        except AWAY:
            found = ()
        await asyncio.sleep(PAUSE_S)
        return found[0][0] if found else None

    @asynccontextmanager
    async def rows_held(self) -> AsyncIterator[None]:
        """Every row of the view is locked: who commits a change of one stands in the middle of it."""
        connection = await self._connected()
        try:
            await connection.execute("BEGIN; SELECT FROM view FOR UPDATE")
            yield
        finally:
            connection.terminate()

    async def commit_stands(self) -> bool:
        """A view commit has moved its position and waits for a row."""
        return bool(await self.ask(_STUCK))

    async def _connected(self) -> Any:
        return await asyncpg.connect(self._url, timeout=ANSWER_S, command_timeout=ANSWER_S)
