"""The live state as other tasks of this process may read it, and those who wait for a position.

Rule: as_of never goes back: it is the fold clock plus the monotonic time since the last record was folded,
and a later record with a smaller sum does not pull it down. Dropped: handing out forks, which would copy the
state for each read; readers promise not to change it.
"""

import asyncio

from interlock_domain.projection.state import State
from interlock_views.slices import Monotonic


class LiveState:
    """Holds a state that is being folded, for readers on the same loop."""

    def __init__(self, state: State, clock: Monotonic) -> None:
        self.state = state
        self.committed = 0
        self._clock = clock
        self._folded_at = clock.monotonic()
        self._log_ms = state.log_ms
        self._shown_ms = state.log_ms
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def current(self) -> tuple[State, int]:
        """The state and the log time to read it at."""
        since = self._clock.monotonic() - self._folded_at
        self._shown_ms = max(self._shown_ms, self._log_ms + int(since * 1000))
        return self.state, self._shown_ms

    def folded(self) -> None:
        """A record was folded: count the time from here."""
        if self.state.log_ms != self._log_ms:
            self._log_ms = self.state.log_ms
            self._folded_at = self._clock.monotonic()

    def replace(self, state: State) -> None:
        """Go on with another state of the same projection, a later one; who waits goes on waiting."""
        self.state = state
        self.folded()

    def commit(self, position: int) -> None:
        """The rows of `position` are durable: wake who waited for it."""
        self.committed = position
        for wanted, future in self._waiting:
            if wanted <= position and not future.done():
                future.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """True as soon as `position` is committed; False when the timeout passed first."""
        if self.committed >= position:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] is not future]
        return True
