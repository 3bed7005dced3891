"""One owner among processes, for as long as its session with PostgreSQL lives.

Rule: the work runs only while the session that holds the lock answers; when it does not, the work is
cancelled and somebody else may begin. The lock ends with the session, so a killed process holds nothing, and
the server ends the session of a frozen one. A frozen process may wake and work on for a moment beside its
successor: use this only where doing the work twice does no harm; what may be written once needs the epoch
of a lease.

Waiting inside `pg_advisory_lock` was dropped: a statement that waits for good cannot be told from a server
that is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.postgres import DatabaseUnreachable, own_connection, place

LOOK_S: Final = 0.5
"""How often a process that waits asks for the lock: a take-over within a second, two cheap questions each."""

BEAT_S: Final = 1.0
"""How often the holder asks whether its session still answers; a closed socket is noticed at once."""

ANSWER_S: Final = 5.0
"""A session that is silent for so long counts as lost."""


FROZEN_S: Final = 10.0
"""The server ends a holder's session after so long without a question: its process is stopped, and its
sockets still look alive. Ten missed beats, so that a busy machine is not taken for a stopped one."""


class AdvisoryLock:
    """Number `key` in the database of `engine`; each holder has a connection of its own."""

    def __init__(self, engine: AsyncEngine, key: int, *, frozen_s: float = FROZEN_S) -> None:
        self._engine = engine
        self._key = key
        self._frozen_ms = round(frozen_s * 1000)

    async def holding(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lock, then do the work; raises PostgresError when the session was lost meanwhile."""
        async with own_connection(self._engine) as connection:
            closed = asyncio.Event()
            connection.add_termination_listener(lambda _: closed.set())
            await connection.execute(f"SET idle_session_timeout = {self._frozen_ms}")
            await self._acquire(connection)
            tasks = (asyncio.ensure_future(work()), asyncio.create_task(self._watch(connection, closed)))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in tasks:
                if not task.cancelled():
                    task.result()

    async def _acquire(self, connection: Any) -> None:
        while True:
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key):
                return
            await asyncio.sleep(LOOK_S)

    async def _watch(self, connection: Any, closed: asyncio.Event) -> None:
        """Ends by raising, once the session is gone."""
        while True:
            try:
                async with asyncio.timeout(BEAT_S):
                    await closed.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=ANSWER_S)
            else:
                raise DatabaseUnreachable(f"{place(self._engine.url)} ended the session that held a lock")
