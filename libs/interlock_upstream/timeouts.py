"""One timer for a connection, re-armed lazily: a wait stores a number, the timer looks when it fires.

The rule kept: neither a wait nor a chunk touches the event loop's timer heap, except when a deadline lies
before the time at which the timer fires next. The rivals dropped: `asyncio.timeout` around each read and a
task for each wait, which make a wait three times as dear, and a task is one more thing that a cancelled
waiter leaves behind.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

# uvloop's clock ticks in milliseconds: a timer may fire up to one tick before its time.
_TICK_S: Final = 0.001


def _nobody() -> None: ...


class LazyTimer:
    """Calls `expired` when `deadline` has passed. Set `deadline = math.inf` to disarm it for free."""

    __slots__ = ("_expired", "_fires_at", "_handle", "_loop", "deadline")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._handle: asyncio.TimerHandle | None = None
        self._fires_at = inf
        self.deadline = inf

    def expire_at(self, deadline: float) -> None:
        """Set the deadline, in the loop's time."""
        self.deadline = deadline
        if deadline < self._fires_at:
            self._arm()

    def cancel(self) -> None:
        """Disarm for good and drop the reference to the owner."""
        self.deadline = self._fires_at = inf
        self._expired = _nobody
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._fires_at = self.deadline
        self._handle = self._loop.call_at(self.deadline, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._fires_at = inf
        if self.deadline == inf:
            return
        if self.deadline - self._loop.time() > _TICK_S:
            self._arm()
            return
        self.deadline = inf
        self._expired()
