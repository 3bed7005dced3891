"""The hedge: whether a stream that has no content yet is raced by one more target, and which.

Rule (C7): a hedge is an extra call that somebody pays for, so each thing that can speak against it is asked,
and the first that does is the reason that is counted. It never goes from a free target to a paid one, never
takes a target in doubt, and never makes a probe pointless: a probe that is overtaken has no verdict, and its
target would never return. Dropped: hedging by the number of requests under way, which fires when everybody
is slow, and that is when extra calls hurt most.
"""

from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.words import Unhedged

LEAST_IDLE: Final = 2
"""Idle candidates of the plan, the slow one among them: with fewer the one that is left carries the pool
alone, and a second call would double its load (C7)."""


class Idle(Struct, frozen=True, kw_only=True):
    """A candidate as the rules see it. `idle`: eligible, no probe, not degraded, and well at this worker."""

    target: str
    idle: bool
    free: bool
    """Its calls cost nothing: `tier: free`."""


class SlowStream(Struct, frozen=True, kw_only=True):
    """A streamed attempt that has no content when its time is over, and what stands around it."""

    called: Idle
    probe: bool
    """The slow one is somebody's probe."""
    others: tuple[Idle, ...]
    """The candidates of the plan that were not called yet, in its order."""
    targets_tried: int
    """Distinct targets, the slow one included."""
    losing: bool = False
    """Hedges of the pool win too seldom (hedge_history.py)."""
    retries_half_spent: bool = False
    """The pool's retry budget is half spent: many calls fail, and extra ones would be the storm."""
    budget: bool = True
    """The pool's hedge budget has a token."""


def second_target(policy: PoolPolicy, slow: SlowStream) -> str | Unhedged:
    """The target that races the slow one, or why none does."""
    if not policy.hedge.enabled:
        return Unhedged.DISABLED
    if slow.probe:
        return Unhedged.PROBE
    if slow.targets_tried >= policy.attempts.max_targets:
        return Unhedged.MAX_TARGETS
    idle = [candidate for candidate in slow.others if candidate.idle]
    if not idle or len(idle) + slow.called.idle < LEAST_IDLE:
        return Unhedged.FEW_IDLE
    fitting = [candidate.target for candidate in idle if candidate.free or not slow.called.free]
    if not fitting:
        return Unhedged.TIER
    return _not_now(slow) or fitting[0]


def _not_now(slow: SlowStream) -> Unhedged | None:
    """What speaks against any hedge of the pool at this moment."""
    if slow.losing:
        return Unhedged.WIN_RATE
    if slow.retries_half_spent:
        return Unhedged.RETRY_BUDGET
    return None if slow.budget else Unhedged.HEDGE_BUDGET
