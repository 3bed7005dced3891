"""Waiting for places in the log: one question for everybody who waits, at each note of the relay.

Rule: whoever waits is asked for in a question that begins after it began to wait. A question for each
waiter was dropped: at every note all of them queue for the few connections, and the relay's next step behind
them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from interlock_eventlog.adapters.journal_rows import PUBLISHED
from interlock_runtime.notices import Notices

Ask = Callable[[Sequence[int]], Awaitable[dict[int, int]]]
"""Journal positions to those places in the log that are known."""

FOREVER_S = 3600.0
"""Of one wait for a notice; `Notices` calls for a look far sooner."""


class Places:
    """Who waits for which entry of the journal."""

    def __init__(self, notices: Notices, ask: Ask) -> None:
        self._notices = notices
        self._ask = ask
        self._waiting: dict[asyncio.Future[int], int] = {}
        self._following: asyncio.Task[None] | None = None

    async def wait(self, position: int, timeout_s: float) -> int | None:
        """Where the log holds it; None when the timeout passed first. Without a timeout it looks once."""
        if timeout_s <= 0:
            return (await self._ask([position])).get(position)
        place: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[place] = position
        self._notices.ring(PUBLISHED)
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait([place], timeout=timeout_s)
            return place.result() if place.done() else None
        finally:
            self._waiting.pop(place, None)

    async def close(self) -> None:
        """Nobody is answered any more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _follow(self) -> None:
        """Ask after each notice while anybody waits."""
        while self._waiting:
            count = self._notices.count(PUBLISHED)  # who comes while we ask rings, and is asked for next
            try:
                found = await self._ask(sorted(set(self._waiting.values())))
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                self._fail(error)
                return
            for place, position in list(self._waiting.items()):
                if position in found:
                    place.set_result(found[position])
                    del self._waiting[place]
            if self._waiting:
                await self._notices.beyond(PUBLISHED, count, FOREVER_S)

    def _fail(self, error: Exception) -> None:
        for place in self._waiting:
            place.set_exception(error)
        self._waiting.clear()
