"""Notices of PostgreSQL (LISTEN): who waits for a row is woken by its commit.

Rule: a notice is a hint. It is waited for by count (`count` before looking, `beyond` afterwards), so one that
comes between the look and the wait is not missed; and every wait looks again by itself after a second, or
sooner while the listening connection is down, so a lost notice costs time and never a row.

Trusting notices alone was dropped: a pooler between us and the server takes LISTEN without a word and then
delivers nothing.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.postgres import PostgresError, own_connection
from interlock_runtime.wake import Wake

LOOK_S: Final = 1.0
"""How long a listener trusts that silence means nothing new, and how often its connection is tried."""

DEAF_S: Final = 0.05
"""How often to look without a listening connection: a reader does not notice, the server bears it."""

_log = logging.getLogger(__name__)


class Notices:
    """Counts the notices of some channels; listens from the first wait until `close`."""

    def __init__(self, engine: AsyncEngine, channels: Sequence[str]) -> None:
        self._engine = engine
        self._channels = tuple(channels)
        self._counts: Counter[str] = Counter()
        self._wake = Wake()
        self._task: asyncio.Task[None] | None = None
        self._listening = False

    def count(self, channel: str) -> int:
        """How many came so far; take it before looking."""
        return self._counts[channel]

    def ring(self, channel: str) -> None:
        """As if a notice had come: for who waits in this process already."""
        self._counts[channel] += 1
        self._wake.ring()

    async def beyond(self, channel: str, count: int, timeout_s: float) -> bool:
        """True when another look is worth it: a notice came, or it was silent long enough to be doubted."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        doubt_s = LOOK_S if self._listening else DEAF_S
        if await self._wake.until(lambda: self._counts[channel] != count, min(timeout_s, doubt_s)):
            return True
        return timeout_s > doubt_s

    async def close(self) -> None:
        """Stop listening; who waits is woken."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._wake.ring()

    async def _listen(self) -> None:
        while True:
            try:
                async with own_connection(self._engine) as connection:
                    await self._hear(connection)
            except PostgresError as error:
                _log.debug("not listening: %s", error)  # whoever reads the rows says it aloud
            finally:
                self._listening = False
            await asyncio.sleep(LOOK_S)

    async def _hear(self, connection: Any) -> None:
        for channel in self._channels:
            await connection.add_listener(channel, self._heard)
        self._listening = True
        for channel in self._channels:
            self._counts[channel] += 1  # whatever was committed before we listened
        self._wake.ring()
        while True:
            await asyncio.sleep(LOOK_S)
            await connection.execute("SELECT 1")  # notices never come on a connection that is cut off

    def _heard(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self.ring(channel)
