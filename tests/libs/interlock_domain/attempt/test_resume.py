"""Whether a stream that broke after content may go on elsewhere."""

from typing import Any

import pytest

from interlock_domain.attempt.plan import FailedTry, MoveOn, Stop, Walk
from interlock_domain.attempt.resume import resume_step
from interlock_domain.catalog.policy import Attempts, PoolPolicy, Streams
from interlock_domain.words import FailureClass, SkipReason

RESUMES = PoolPolicy(streams=Streams(on_break="verify_prefix"))


def step(
    failure: FailureClass = FailureClass.TRUNCATED,
    *,
    policy: PoolPolicy = RESUMES,
    status: int | None = None,
    **walk: Any,
) -> MoveOn | Stop:
    values: dict[str, Any] = {"seed": 1, "targets_tried": 1, "candidates_left": 2, "time_left_ms": 60_000}
    return resume_step(policy, FailedTry(failure=failure, status=status), Walk(**(values | walk)))


@pytest.mark.parametrize("on_break", ["verify_prefix", "prefill"])
@pytest.mark.parametrize(
    "failure",
    [
        FailureClass.TRUNCATED,
        FailureClass.DISCONNECT,
        FailureClass.TIMEOUT,
        FailureClass.MALFORMED,
        FailureClass.SERVER_ERROR,
        FailureClass.OVERLOAD,
        FailureClass.RATE_LIMIT,
    ],
)
def test_whatever_allows_another_target_does_so_here(failure, on_break):
    assert step(failure, policy=PoolPolicy(streams=Streams(on_break=on_break))) == MoveOn(draws=True)


def test_a_pool_that_does_not_ask_for_it_ends_with_the_break():
    assert step(policy=PoolPolicy()) == Stop(SkipReason.COMMITTED)


@pytest.mark.parametrize("failure", [FailureClass.CALLER_FAULT, FailureClass.CLIENT_ABORT])
def test_what_another_target_would_not_help_with_ends_it(failure):
    assert step(failure) == Stop(SkipReason.NOT_RETRIABLE)


def test_the_limits_of_a_failover_hold():
    assert step(time_left_ms=0) == Stop(SkipReason.DEADLINE)
    assert step(candidates_left=0) == Stop()
    assert step(targets_tried=3) == Stop(SkipReason.MAX_TARGETS)
    assert step(budget=False) == Stop(SkipReason.RETRY_BUDGET)
    two = PoolPolicy(streams=RESUMES.streams, attempts=Attempts(max_targets=4))
    assert step(policy=two, targets_tried=3) == MoveOn()


def test_even_the_first_one_to_a_target_that_is_well_is_paid_for():
    assert step(next_well=True, budget=False) == Stop(SkipReason.RETRY_BUDGET)


def test_statuses_that_are_narrowed_out_stay_out():
    narrow = PoolPolicy(streams=RESUMES.streams, retry_on=(503,))
    assert step(FailureClass.SERVER_ERROR, policy=narrow, status=500) == Stop(SkipReason.NOT_RETRIABLE)
    assert step(FailureClass.TRUNCATED, policy=narrow) == MoveOn()
