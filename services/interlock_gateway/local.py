"""What this worker knows before the fleet does: local breakers, probes given away, round-robin turns.

The gateway that saw a failure acts at once (requirements D7); the fleet's word replaces its own as
soon as it is newer. Everything here is read by route() as an input and therefore recorded.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from interlock_domain.attempt.budget import RetryBudget
from interlock_domain.attempt.hedge_history import FirstContents, HedgeBudget, Races
from interlock_domain.catalog.policy import Budgets, TargetPolicy
from interlock_domain.health.local import LocalBreakers, LocalFailure
from interlock_domain.rows import TargetRow
from interlock_domain.snapshot.snapshot import Snapshot

UNDECLARED_KEPT: Final = 200
"""Undeclared targets remembered as answering, as many as the fold keeps for a provider."""

BUDGETS_KEPT: Final = 4_096
"""Pools, and exact names, which clients invent: a dropped one begins anew with a full budget."""


FIRSTS_KEPT: Final = 4_096
"""(target, shape) pairs of pools that hedge, above any catalog; 4 KB each when full."""


class PoolHedges:
    """What hedging of one pool rests on; it begins anew when the pool's budgets change."""

    __slots__ = ("budget", "races", "retries")

    def __init__(self, policy: Budgets, retries: RetryBudget) -> None:
        self.retries = retries
        self.budget = HedgeBudget(policy.hedge_ratio)
        self.races = Races()


class LocalView:
    """Times are monotonic ms, except `as_of_ms` and slot ends, which are log time."""

    def __init__(self) -> None:
        self.breakers = LocalBreakers()
        self._turns: dict[tuple[str, str], int] = {}
        self._probed: dict[str, int] = {}
        self._budgets: dict[str, tuple[Budgets, RetryBudget]] = {}
        self._hedges: dict[str, PoolHedges] = {}
        self._firsts: dict[tuple[str, str], FirstContents] = {}
        self._failed_last: set[tuple[str, str]] = set()
        self.suspects: set[str] = set()
        """Targets that failed lately: only their successes are worth more than a count."""
        self._proven: OrderedDict[str, None] = OrderedDict()

    def open_targets(self, shape: str, now_ms: float) -> tuple[str, ...]:
        """Targets whose breaker is open for the shape; the usual answer costs one attribute read."""
        return self.breakers.open_targets(shape, int(now_ms)) if self.breakers.any_open else ()

    def turn(self, pool: str, shape: str) -> int:
        """The next round-robin turn; only decisions move it, never a listing."""
        turn = self._turns.get((pool, shape), 0)
        self._turns[(pool, shape)] = turn + 1
        return turn

    def budget(self, pool: str, policy: Budgets, now_s: float) -> RetryBudget:
        """The retry budget of a pool at this worker, full when it is first asked for."""
        held = self._budgets.get(pool)
        if held is not None and held[0] is policy:
            return held[1]
        if held is None or held[0] != policy:
            if len(self._budgets) >= BUDGETS_KEPT:
                del self._budgets[next(iter(self._budgets))]
            budget = RetryBudget(policy, int(now_s * 1000))
        else:
            budget = held[1]  # declared anew, and the same: from now on known by this object
        self._budgets[pool] = (policy, budget)
        return budget

    def settle_budgets(self, now_s: float) -> None:
        """Deposit the requests of the last second."""
        for _, budget in self._budgets.values():
            budget.settle(int(now_s * 1000))

    def hedges(self, pool: str, policy: Budgets, now_s: float) -> PoolHedges:
        """The memory of a pool that hedges. Exact names, which clients invent, have nobody to race."""
        retries = self.budget(pool, policy, now_s)
        held = self._hedges.get(pool)
        if held is None or held.retries is not retries:
            if len(self._hedges) >= BUDGETS_KEPT:
                del self._hedges[next(iter(self._hedges))]
            held = self._hedges[pool] = PoolHedges(policy, retries)
        return held

    def first_contents(self, target: str, shape: str) -> FirstContents:
        """Times to first content of a target as this worker measured them for pools that hedge."""
        held = self._firsts.get((target, shape))
        if held is None:
            if len(self._firsts) >= FIRSTS_KEPT:
                del self._firsts[next(iter(self._firsts))]
            held = self._firsts[(target, shape)] = FirstContents()
        return held

    def probed(self, as_of_ms: int) -> tuple[str, ...]:
        """Targets whose probe of the current slot this gateway has given away, whatever the shape."""
        if not self._probed:
            return ()
        for target in [target for target, until in self._probed.items() if until <= as_of_ms]:
            del self._probed[target]
        return tuple(sorted(self._probed))

    def gave_probe(self, target: str, slot_end_ms: int) -> None:
        """A request was chosen as the probe of this slot."""
        self._probed[target] = slot_end_ms

    def failed(self, failure: LocalFailure, policy: TargetPolicy, now_ms: float) -> None:
        """An attempt of this worker failed."""
        self._failed_last.add((failure.target, failure.shape))
        self.suspects.add(failure.target)
        self.breakers.failed(failure, policy, int(now_ms))

    def succeeded(self, target: str, shape: str, now_ms: float) -> None:
        """An attempt of this worker at a suspect succeeded."""
        self._failed_last.discard((target, shape))
        self.breakers.succeeded(target, shape, int(now_ms))

    def acquit(self, now_ms: float) -> None:
        """Forget the suspects that nothing speaks against any more; called each second."""
        for target in [one for one in self.suspects if self.breakers.calm(one, now_ms)]:
            self.suspects.discard(target)
            self._failed_last = {key for key in self._failed_last if key[0] != target}

    def failed_last(self, target: str, shape: str) -> bool:
        """Whether the last finished attempt of this worker on (target, shape) had failed."""
        return (target, shape) in self._failed_last

    def is_well(self, target: str, shape: str, now_ms: float) -> bool:
        """Whether a failover there may be free: the last attempt did not fail, no breaker keeps away."""
        return not (self.failed_last(target, shape) or self.breakers.is_open(target, shape, now_ms))

    def clean(self, target: str, shape: str) -> bool:
        """No strikes and no open breaker here."""
        return self.breakers.clean(target, shape)

    def prove(self, target: str) -> None:
        """An undeclared target answered with 2xx: from now on its failures count."""
        self._proven[target] = None
        self._proven.move_to_end(target)
        if len(self._proven) > UNDECLARED_KEPT:
            self._proven.popitem(last=False)

    def proven(self, target: str) -> bool:
        """Whether an undeclared target has answered lately."""
        return target in self._proven

    def swapped(self, before: Snapshot | None, after: Snapshot, now_ms: float) -> None:
        """The fleet's view changed: its newer cooldowns replace local ones, their end closes them."""
        held = before.dynamic.targets if before else {}
        new = after.dynamic.targets
        if held is new:
            return
        for target in _changed(held, new):
            self._follow(target, held.get(target), new.get(target), int(now_ms))

    def _follow(self, target: str, before: TargetRow | None, after: TargetRow | None, now_ms: int) -> None:
        had = {c.shape: c for c in before.learned + before.operator} if before else {}
        has = {c.shape: c for c in after.learned + after.operator} if after else {}
        for shape, cooldown in has.items():
            old = had.get(shape)
            if old is None or old.opened_ms != cooldown.opened_ms:
                self.breakers.fleet_opened(target, shape, now_ms)
            elif old.returned_ms is None and cooldown.returned_ms is not None:
                self.breakers.fleet_ended(target, shape, now_ms)
        for shape in had.keys() - has.keys():
            self.breakers.fleet_ended(target, shape, now_ms)


def _changed(held: Mapping[str, TargetRow], new: Mapping[str, TargetRow]) -> list[str]:
    return [t for t in held.keys() | new.keys() if held.get(t) is not new.get(t)]
