"""A rebuild against the projection in force: row by row, both at one position.

Rule: the barrier is where the one in force stands committed; the rebuild, which nobody waits for, is held
there and compares the rows that both have in the store. What is found is kept beside the projection, for
whoever is asked to promote it. Dropped: comparing in the control plane, which can hold neither of the two
where it is; comparing folds instead of rows, because what readers are given are the rows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from interlock_projector.halt import Halt
from interlock_projector.restore import differing
from interlock_projector.standby import StandbyViews
from interlock_views.promotion import Comparison

EVERY_S: Final = 5.0
"""Two tables of a thousand rows are some megabytes; who promotes looks at the last one."""
LOOK_S: Final = 0.02
LOOKS: Final = 100
"""The rebuild stands still for at most two seconds, until the other one has passed it."""
EXAMPLES: Final = 10

_log = logging.getLogger(__name__)


class Held(Protocol):
    """What is asked of an OwnedProjection."""

    name: str
    read: int
    halt: Halt | None

    async def advance(self, *, upto: int | None = None) -> object:
        """Read, fold and commit once, not beyond a position."""
        ...


class Comparer:
    """Compares one ownership of a rebuild; `note` keeps what was found."""

    def __init__(
        self,
        views: StandbyViews,
        note: Callable[[Comparison], Awaitable[bool]],
        *,
        against: str,
        every_s: float = EVERY_S,
    ) -> None:
        self._views = views
        self._note = note
        self._against = against
        self._every_s = every_s
        self._last: float | None = None
        self._told: int | None = None

    async def look(self, own: Held, now: float) -> None:
        """Compare when it is time. Leaves `own` further on, or where it was."""
        if self._last is not None and now - self._last < self._every_s:
            return
        self._last = now
        if not await self._passed(own.read):
            return
        theirs = await self._views.load(self._against)
        while own.halt is None and own.read < theirs.position:
            before = own.read
            await own.advance(upto=theirs.position)
            if own.read == before:
                return
        ours = await self._views.load(own.name)
        if own.halt is not None or ours.position != theirs.position:  # between, a record stands staged
            return
        found = sorted(differing(ours.rows, theirs.rows))
        comparison = Comparison(
            against=self._against,
            position=ours.position,
            rows=len(ours.rows.keys() | theirs.rows.keys()),
            differing=len(found),
            examples=tuple(found[:EXAMPLES]),
        )
        if await self._note(comparison):
            self._tell(own.name, comparison)

    async def _passed(self, position: int) -> bool:
        for _ in range(LOOKS):
            if await self._views.position(self._against) >= position:
                return True
            await asyncio.sleep(LOOK_S)
        return False

    def _tell(self, name: str, found: Comparison) -> None:
        if found.differing == self._told:
            return
        self._told = found.differing
        _log.info(
            "%s has %d of %d rows other than %s at position %d%s",
            name,
            found.differing,
            found.rows,
            found.against,
            found.position,
            f": {', '.join(found.examples)}" if found.examples else "",
        )
