"""The walk of a plan: after a failed attempt, the same target again, the next one, or the end.

Rule: the order was decided once, by route(); here is only whether and when the next step may be
made. Content that the client has seen ends the walk, whatever failed. The same target is asked again
only where the class allows it, the worker's attempt before had worked there (else the first failure
was no accident), it is neither a probe nor merely held in by the cap, and the wait fits. The first failover
of a request, to a target that is well as far as this worker knows, costs no budget: it sends that target
no more than leaving the failed one out would (ADR 13). Dropped: paying for every failover, with which the
requests that hung on one dying target were refused beside a healthy one; a loop that sleeps and calls,
because its rules could only be tested with a network.
"""

from typing import Final

from msgspec import Struct

from interlock_domain.attempt.backoff import backoff_ms
from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.health.classes import may_go_elsewhere, may_retry_same
from interlock_domain.routing.decision import Candidate
from interlock_domain.words import FailureClass, Reason, SkipReason


class RetrySame(Struct, frozen=True):
    """Call the same target again after `wait_ms`; draws 1 from the retry budget."""

    wait_ms: int


class MoveOn(Struct, frozen=True):
    """Call the next candidate at once; `draws`: 1 from the retry budget."""

    draws: bool = True


class Stop(Struct, frozen=True):
    """No further attempt; `reason` None: the plan is at its end."""

    reason: SkipReason | None = None


Step = RetrySame | MoveOn | Stop


class FailedTry(Struct, frozen=True, kw_only=True):
    """The attempt that just failed, and what this worker knew of its target."""

    failure: FailureClass
    status: int | None = None
    retry_after_ms: int | None = None
    try_: int = 1
    failed_before: bool = False
    """The worker's attempt before this one on that (target, shape) had failed. Asked of the request's
    first try there: at its second the failure before is its own."""
    content_policy: bool = False
    """A refusal of the content itself, which a pool may want to ask elsewhere about."""
    room_elsewhere: bool = False
    """The prompt was too long for the target, and one that declares a larger window is left."""


class Walk(Struct, frozen=True, kw_only=True):
    """How far the request has come."""

    seed: int
    targets_tried: int
    """Distinct targets, the one that just failed included."""
    candidates_left: int
    time_left_ms: int
    committed: bool = False
    """The client has seen content."""
    budget: bool = True
    """The pool's retry budget has a token."""
    next_well: bool = False
    """The next candidate is eligible, and this worker's last attempt there did not fail."""


def next_step(policy: PoolPolicy, candidate: Candidate, failed: FailedTry, walk: Walk) -> Step:
    """What to do after a failed attempt on a candidate."""
    if walk.committed:
        return Stop(SkipReason.COMMITTED)
    if not may_go_on(policy, failed):
        return Stop(SkipReason.NOT_RETRIABLE)
    if walk.time_left_ms <= 0:
        return Stop(SkipReason.DEADLINE)
    wait_ms = _same_target_wait_ms(policy, candidate, failed, walk.seed)
    onward = _onward(policy, candidate, walk)
    if wait_ms is None or wait_ms >= walk.time_left_ms:
        return onward
    if walk.budget:
        return RetrySame(wait_ms)
    return onward if isinstance(onward, MoveOn) else Stop(SkipReason.RETRY_BUDGET)


def _onward(policy: PoolPolicy, candidate: Candidate, walk: Walk) -> Step:
    if walk.candidates_left <= 0:
        return Stop()
    if walk.targets_tried >= policy.attempts.max_targets:
        return Stop(SkipReason.MAX_TARGETS)
    if candidate.probe or (walk.next_well and walk.targets_tried == 1):
        return MoveOn(draws=False)
    return MoveOn() if walk.budget else Stop(SkipReason.RETRY_BUDGET)


def may_go_on(policy: PoolPolicy, failed: FailedTry) -> bool:
    """Whether any target may still answer the request, the failure being what it is."""
    if failed.content_policy and policy.failover_on_content_policy:
        return True
    if failed.room_elsewhere:
        return policy.retry_on is None or failed.status in policy.retry_on
    return may_go_elsewhere(failed.failure, status=failed.status, retry_on=policy.retry_on, committed=False)


_NO_SECOND_TRY: Final = frozenset((Reason.PROBE, Reason.CAP_HELD))
"""One call is what a target in doubt gets from one request (D5, D6)."""


def _same_target_wait_ms(
    policy: PoolPolicy, candidate: Candidate, failed: FailedTry, seed: int
) -> int | None:
    """How long to wait before the same target is called again; None: not at all."""
    attempts = policy.attempts
    if failed.try_ > attempts.retries_per_target or (failed.failed_before and failed.try_ == 1):
        return None
    if not _NO_SECOND_TRY.isdisjoint(candidate.reasons):
        return None
    if not may_retry_same(
        failed.failure,
        status=failed.status,
        retry_on=policy.retry_on,
        stated_ms=failed.retry_after_ms,
        wait_ms=attempts.same_target_wait_ms,
    ):
        return None
    stated = failed.retry_after_ms or 0
    if stated > attempts.same_target_wait_ms:
        return None
    return max(stated, backoff_ms(attempts.backoff, failed.try_, seed))
