"""Waking waiters of one event loop: no polling inside a process.

Rule: `wait` registers before it first suspends, so a caller that checks its condition and then
waits, without an await between the two, cannot miss a ring. asyncio.Condition was dropped: its lock
costs two more suspensions per waiter and must be held by the writer.
"""

import asyncio
from collections.abc import Callable


class Wake:
    """Rings every current waiter; a ring without waiters is forgotten."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everyone who waits now; call on the loop's thread."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True after a ring, False when the time passed first; None waits for good."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """True as soon as the condition holds, looked at now and after each ring; False: time passed."""
        if true():
            return True
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        while (left := deadline - clock()) > 0:
            await self.wait(left)
            if true():
                return True
        return False
