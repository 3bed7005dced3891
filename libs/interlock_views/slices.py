"""Folding on a shared event loop: at most 2 ms at a time.

Rule: a request that waits for the loop waits for one slice, not for a batch. One record is never split; the
state stands between two records whenever another task sees it. Dropped: folding in a thread, because the
state is owned by one task and the interpreter lock would make the request path wait all the same.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from interlock_domain.projection.effects import Effect
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.state import State
from interlock_domain.recorded import RecordedEvent

SLICE_S: Final = 0.002
"""About what a request spends in the gateway; longer slices showed as latency of other requests."""


class Monotonic(Protocol):
    """Seconds that only grow; the zero means nothing."""

    def monotonic(self) -> float:
        """Now."""
        ...


async def fold_slices(state: State, records: Sequence[RecordedEvent], clock: Monotonic) -> list[Effect]:
    """Fold the records into the state, giving the loop away between slices; returns what was observed."""
    effects: list[Effect] = []
    ends = clock.monotonic() + SLICE_S
    for record in records:
        effects.extend(evolve(state, record))
        if clock.monotonic() >= ends:
            await asyncio.sleep(0)
            ends = clock.monotonic() + SLICE_S
    return effects
