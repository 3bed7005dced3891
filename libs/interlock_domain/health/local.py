"""The local breaker: one worker's own memory, which acts before the fleet has heard of anything.

Rule: the same classes, lists, trip rule and ladder as the fold's, on this worker's monotonic clock without
jitter; then one own request per probe interval until a verdict. A fleet cooldown that is newer than what
opened a breaker replaces it, and its end closes it, so a worker never outvotes the log for long. Dropped:
sharing breakers between the workers of a machine, which would need the very channel that may be broken.
Memory is bounded by targets that answered once: others have no evidence here (their failures are not told).
"""

from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import CooldownPolicy, TargetPolicy
from interlock_domain.health.classes import Judged, answered, judged_on, opens_on, rule_of
from interlock_domain.health.cooldown import ladder_of, length_ms, next_level, stated_left_ms
from interlock_domain.health.evidence import PRUNE_AT, add, prune
from interlock_domain.health.trip import trips
from interlock_domain.words import ALL_SHAPES, FailureClass, Phase

_ANY: Final = TargetPolicy()
"""Prunes lists of targets that never failed here: their own policy is first heard of with a failure."""


class LocalFailure(Struct, frozen=True, kw_only=True):
    """One failed attempt of this worker."""

    target: str
    shape: str
    failure: FailureClass
    phase: Phase
    retry_after_ms: int | None = None
    try_: int = 1
    status: int | None = None
    elapsed_ms: int = 0


class _Memory(Struct):
    """Of one (target, shape). `opened_ms` None: closed. `struck`: the list holds a failure."""

    runs: list[tuple[int, int]] = []
    struck: bool = False
    policy: TargetPolicy = _ANY
    opened_ms: int | None = None
    until_ms: int = 0
    probe_due_ms: int = 0
    level: int = 0
    returned_ms: int | None = None

    def is_over(self, now_ms: float) -> bool:
        """Open, and its time is over: an own request may try."""
        return self.opened_ms is not None and now_ms >= self.until_ms

    def excludes(self, now_ms: float) -> bool:
        """Open, and no own probe is due."""
        return self.opened_ms is not None and now_ms < self.probe_due_ms

    def forget(self) -> None:
        """Empty the list."""
        self.runs.clear()
        self.struck = False

    def count(self, now_ms: int, n: int, policy: CooldownPolicy) -> None:
        """Add attempts; a list with failures is cut each time, so that it becomes clean again."""
        add(self.runs, now_ms, n)
        self.struck = self.struck or n < 0
        if self.struck or len(self.runs) > PRUNE_AT:
            prune(self.runs, policy)
            self.struck = any(n < 0 for _, n in self.runs)


class LocalBreakers:
    """All breakers of a worker; times are monotonic milliseconds. `any_open` is for the fast path."""

    __slots__ = ("_opened", "_targets", "any_open")

    def __init__(self) -> None:
        self.any_open = False
        self._targets: dict[str, dict[str, _Memory]] = {}
        self._opened: dict[str, int] = {}

    def succeeded(self, target: str, shape: str, now_ms: float, count: int = 1) -> None:
        """Count successes; one after the time of an open breaker closes it."""
        now = int(now_ms)
        for memory in (self._memory(target, shape), self._memory(target, ALL_SHAPES)):
            memory.count(now, count, memory.policy.cooldown)
            if memory.is_over(now):
                self._close(target, memory)
                memory.returned_ms = now

    def failed(self, failure: LocalFailure, policy: TargetPolicy, now_ms: float) -> None:
        """Learn from a failure, by the table of classes."""
        now, rule = int(now_ms), rule_of(failure.failure)
        own, shared = self._memory(failure.target, failure.shape), self._memory(failure.target, ALL_SHAPES)
        own.policy = shared.policy = policy
        stated = rule.judged is Judged.STATED and failure.retry_after_ms is not None
        strike = rule.judged in {Judged.STRIKE, Judged.STATED} and not (stated or rule.at_once)
        on = own if judged_on(failure.failure, failure.phase, failure.shape) == failure.shape else shared
        if failure.try_ == 1:
            self._join(failure, on, now, strike=strike)
        if rule.judged in {Judged.RUN, Judged.NONE}:
            return
        self._reopen(failure, now)
        opens = own if opens_on(failure.failure, failure.phase, failure.shape) == failure.shape else shared
        if stated:
            self._open_stated(failure, opens, now)
        elif opens.opened_ms is None and shared.opened_ms is None:
            tripped = strike and failure.try_ == 1 and trips(on.runs, policy.cooldown)
            if tripped or rule.at_once:
                self._open(failure, opens, now, next_level(opens.level, opens.returned_ms, now))

    def _join(self, failure: LocalFailure, on: _Memory, now: int, *, strike: bool) -> None:
        shared, policy = self._memory(failure.target, ALL_SHAPES), on.policy.cooldown
        if strike:
            on.count(now, -1, policy)
        if on is not shared and answered(failure.failure, failure.phase, failure.status):
            shared.count(now, 1, policy)

    def _reopen(self, failure: LocalFailure, now: int) -> None:
        """What waited for its return waits longer; older requests that fail only now say nothing of it."""
        for memory in self._known(failure.target, failure.shape):
            if memory.is_over(now - max(0, failure.elapsed_ms)):
                self._open(failure, memory, now, memory.level + 1)

    def is_open(self, target: str, shape: str, now_ms: float) -> bool:
        """Must this worker keep away? False also when its own probe is due."""
        known = self._targets.get(target)
        if known is None:
            return False
        return any(key in known and known[key].excludes(now_ms) for key in (shape, ALL_SHAPES))

    def open_targets(self, shape: str, now_ms: float) -> tuple[str, ...]:
        """The targets to keep away from, sorted."""
        return tuple(target for target in sorted(self._opened) if self.is_open(target, shape, now_ms))

    def take_probe(self, target: str, shape: str, now_ms: float) -> None:
        """The own request of this interval goes out now."""
        for memory in self._known(target, shape):
            if memory.is_over(now_ms):
                memory.probe_due_ms = int(now_ms) + memory.policy.half_open.probe_interval_ms

    def clean(self, target: str, shape: str) -> bool:
        """No strike and no open breaker: its successes may be told in bulk."""
        return not any(memory.struck or memory.opened_ms is not None for memory in self._known(target, shape))

    def calm(self, target: str, now_ms: float) -> bool:
        """Forget strikes older than the window; True when nothing speaks against the target any more."""
        known = self._targets.get(target, {}).values()
        for memory in known:
            window_ms = memory.policy.cooldown.window_ms
            if memory.struck and memory.opened_ms is None and now_ms - memory.runs[-1][0] > window_ms:
                memory.forget()
        return not any(memory.struck or memory.opened_ms is not None for memory in known)

    def fleet_opened(self, target: str, shape: str, now_ms: float) -> None:
        """A fleet cooldown opened at that monotonic time: it replaces what opened here before."""
        for memory in self._covered(target, shape):
            if memory.opened_ms is None or memory.opened_ms <= now_ms:
                self._close(target, memory)
                memory.level = 0

    def fleet_ended(self, target: str, shape: str, now_ms: float) -> None:
        """The fleet cooldown ended or was lifted: so does what this worker thought of it."""
        for memory in self._covered(target, shape):
            self._close(target, memory)
            memory.returned_ms = int(now_ms)

    def _memory(self, target: str, shape: str) -> _Memory:
        known = self._targets.get(target)
        if known is None:
            known = self._targets[target] = {}
        memory = known.get(shape)
        if memory is None:
            memory = known[shape] = _Memory()
        return memory

    def _known(self, target: str, shape: str) -> list[_Memory]:
        known = self._targets.get(target, {})
        return [known[key] for key in (shape, ALL_SHAPES) if key in known]

    def _covered(self, target: str, shape: str) -> list[_Memory]:
        known = self._targets.get(target, {})
        return [memory for key, memory in known.items() if shape in {key, ALL_SHAPES}]

    def _open_stated(self, failure: LocalFailure, memory: _Memory, now: int) -> None:
        until_ms = now + stated_left_ms(failure.retry_after_ms or 0, 0, memory.policy.cooldown)
        if memory.opened_ms is None:
            self._open(failure, memory, now, next_level(memory.level, memory.returned_ms, now))
            memory.until_ms = memory.probe_due_ms = until_ms
        elif until_ms > memory.until_ms:
            memory.until_ms = memory.probe_due_ms = until_ms

    def _open(self, failure: LocalFailure, memory: _Memory, now: int, level: int) -> None:
        if memory.opened_ms is None:
            self._opened[failure.target] = self._opened.get(failure.target, 0) + 1
            self.any_open = True
        ladder = ladder_of(rule_of(failure.failure), memory.policy.cooldown)
        memory.opened_ms = now
        memory.level = level
        memory.until_ms = memory.probe_due_ms = now + length_ms(ladder, level)
        shared = self._targets[failure.target][ALL_SHAPES]
        for forgotten in self._targets[failure.target].values() if memory is shared else (memory,):
            forgotten.forget()

    def _close(self, target: str, memory: _Memory) -> None:
        memory.forget()
        if memory.opened_ms is not None:
            memory.opened_ms = None
            self._opened[target] -= 1
            if not self._opened[target]:
                del self._opened[target]
                self.any_open = bool(self._opened)
