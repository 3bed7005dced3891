"""What to do after a failed attempt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.plan import FailedTry, MoveOn, RetrySame, Step, Stop, Walk, next_step
from interlock_domain.catalog.policy import Attempts, Backoff, PoolPolicy
from interlock_domain.routing.decision import Candidate
from interlock_domain.words import Eligibility, FailureClass, Reason, SkipReason

POLICY = PoolPolicy(attempts=Attempts(backoff=Backoff(jitter=0.0)))
CLEAN = Candidate(target="atlas/large", state=Eligibility.ELIGIBLE, rank=1)
PROBE = Candidate(
    target="atlas/large", state=Eligibility.DEGRADED, reasons=(Reason.PROBE,), rank=1, probe=True
)
HELD = Candidate(
    target="atlas/large",
    state=Eligibility.DEGRADED,
    reasons=(Reason.CAP_HELD, Reason.COOLDOWN_HEURISTIC),
    rank=1,
)


def step(
    failure: FailureClass = FailureClass.SERVER_ERROR,
    *,
    policy: PoolPolicy = POLICY,
    candidate: Candidate = CLEAN,
    walk: dict[str, Any] | None = None,
    **failed,
) -> Step:
    values: dict[str, Any] = {"seed": 1, "targets_tried": 1, "candidates_left": 2, "time_left_ms": 60_000}
    return next_step(policy, candidate, FailedTry(failure=failure, **failed), Walk(**(values | (walk or {}))))


def test_a_server_error_is_tried_once_more_after_a_backoff_and_then_elsewhere() -> None:
    assert step() == RetrySame(100)
    assert step(try_=2) == MoveOn()


def test_more_retries_on_one_target_wait_longer_each_time() -> None:
    policy = PoolPolicy(attempts=Attempts(retries_per_target=2, backoff=Backoff(jitter=0.0)))
    own = [step(policy=policy, try_=n, failed_before=n > 1) for n in (1, 2, 3)]
    assert own == [RetrySame(100), RetrySame(200), MoveOn()]
    assert step(policy=policy, failed_before=True) == MoveOn()


@pytest.mark.parametrize(
    "failure",
    [
        FailureClass.TIMEOUT,
        FailureClass.TRUNCATED,
        FailureClass.MALFORMED,
        FailureClass.OVERLOAD,
        FailureClass.RAMP,
        FailureClass.NOT_FOUND,
        FailureClass.PERMISSION,
        FailureClass.AUTH,
        FailureClass.BILLING,
    ],
)
def test_these_classes_go_elsewhere_at_once(failure: FailureClass) -> None:
    assert step(failure) == MoveOn()


@pytest.mark.parametrize("failure", [FailureClass.CALLER_FAULT, FailureClass.CLIENT_ABORT])
def test_what_is_no_targets_fault_ends_the_walk(failure: FailureClass) -> None:
    assert step(failure) == Stop(SkipReason.NOT_RETRIABLE)


def test_a_pool_may_ask_elsewhere_about_a_refused_content() -> None:
    opted_in = PoolPolicy(failover_on_content_policy=True)
    assert step(FailureClass.CALLER_FAULT, policy=opted_in, content_policy=True) == MoveOn()
    assert step(FailureClass.CALLER_FAULT, policy=opted_in) == Stop(SkipReason.NOT_RETRIABLE)
    assert step(FailureClass.CALLER_FAULT, content_policy=True) == Stop(SkipReason.NOT_RETRIABLE)


def test_a_prompt_that_was_too_long_goes_on_where_there_is_room() -> None:
    assert step(FailureClass.CALLER_FAULT, status=400, room_elsewhere=True) == MoveOn()
    narrow = PoolPolicy(retry_on=(429, 500))
    found = step(FailureClass.CALLER_FAULT, status=400, room_elsewhere=True, policy=narrow)
    assert found == Stop(SkipReason.NOT_RETRIABLE)


def test_a_target_that_had_failed_before_is_not_asked_twice() -> None:
    assert step(failed_before=True) == MoveOn()


@pytest.mark.parametrize("candidate", [PROBE, HELD])
def test_a_target_in_doubt_is_not_asked_twice(candidate: Candidate) -> None:
    assert isinstance(step(candidate=candidate), MoveOn)


def test_a_stated_wait_is_honoured_on_the_same_target_only_when_it_is_short() -> None:
    limited = FailureClass.RATE_LIMIT
    assert step(limited, retry_after_ms=1_000) == RetrySame(1_000)
    assert step(limited, retry_after_ms=1_001) == MoveOn()
    assert step(limited) == MoveOn()


def test_a_stated_wait_after_a_server_error_counts_too() -> None:
    assert step(retry_after_ms=700) == RetrySame(700)
    assert step(retry_after_ms=30) == RetrySame(100)
    assert step(retry_after_ms=5_000) == MoveOn()


def test_a_wait_that_does_not_fit_the_deadline_is_not_made() -> None:
    assert step(walk={"time_left_ms": 101}) == RetrySame(100)
    assert step(walk={"time_left_ms": 100}) == MoveOn()


def test_when_time_is_up_the_walk_ends() -> None:
    assert step(walk={"time_left_ms": 0}) == Stop(SkipReason.DEADLINE)


def test_the_number_of_targets_is_bounded() -> None:
    assert step(try_=2, walk={"targets_tried": 2}) == MoveOn()
    assert step(try_=2, walk={"targets_tried": 3}) == Stop(SkipReason.MAX_TARGETS)
    assert step(walk={"targets_tried": 3}) == RetrySame(100)


def test_at_the_end_of_the_plan_there_is_nothing_to_skip() -> None:
    assert step(try_=2, walk={"candidates_left": 0}) == Stop(None)


def test_after_content_nothing_follows() -> None:
    assert step(walk={"committed": True}) == Stop(SkipReason.COMMITTED)


def test_an_exhausted_budget_ends_the_walk_except_after_a_probe() -> None:
    assert step(walk={"budget": False}) == Stop(SkipReason.RETRY_BUDGET)
    assert step(try_=2, walk={"budget": False}) == Stop(SkipReason.RETRY_BUDGET)
    assert step(candidate=PROBE, walk={"budget": False}) == MoveOn(draws=False)


def test_the_first_failover_of_a_request_to_a_target_that_is_well_costs_no_budget() -> None:
    assert step(try_=2, walk={"next_well": True}) == MoveOn(draws=False)
    assert step(try_=2, walk={"next_well": True, "budget": False}) == MoveOn(draws=False)
    assert step(FailureClass.TIMEOUT, walk={"next_well": True, "budget": False}) == MoveOn(draws=False)


def test_a_second_failover_costs_budget_wherever_it_goes() -> None:
    second = {"next_well": True, "targets_tried": 2}
    assert step(try_=2, walk=second) == MoveOn()
    assert step(try_=2, walk={**second, "budget": False}) == Stop(SkipReason.RETRY_BUDGET)


def test_a_retry_that_the_budget_forbids_becomes_a_failover_that_costs_none() -> None:
    assert step(walk={"next_well": True}) == RetrySame(100)
    assert step(walk={"next_well": True, "budget": False}) == MoveOn(draws=False)
    nowhere = {"next_well": False, "candidates_left": 0, "budget": False}
    assert step(walk=nowhere) == Stop(SkipReason.RETRY_BUDGET)
    last = {"next_well": True, "targets_tried": 3, "budget": False}
    assert step(walk=last) == Stop(SkipReason.RETRY_BUDGET)


def test_retry_on_narrows_the_table_and_never_widens_it() -> None:
    narrow = PoolPolicy(retry_on=(429, 400))
    assert step(policy=narrow, status=500) == Stop(SkipReason.NOT_RETRIABLE)
    assert step(FailureClass.RATE_LIMIT, policy=narrow, status=429) == MoveOn()
    assert isinstance(step(FailureClass.DISCONNECT, policy=narrow), RetrySame)
    caller = step(FailureClass.CALLER_FAULT, policy=narrow, status=400)
    assert caller == Stop(SkipReason.NOT_RETRIABLE)


@given(
    st.sampled_from(FailureClass),
    st.sampled_from([CLEAN, PROBE, HELD]),
    st.none() | st.integers(0, 5_000),
    st.integers(0, 1 << 62),
)
def test_a_walk_always_ends_within_its_attempts_and_its_time(failure, candidate, stated, seed) -> None:
    left, tries, targets, attempts = 60_000, 1, 1, 1
    while True:
        failed = FailedTry(failure=failure, try_=tries, retry_after_ms=stated)
        walk = Walk(seed=seed, targets_tried=targets, candidates_left=9 - targets, time_left_ms=left)
        found = next_step(PoolPolicy(), candidate, failed, walk)
        if isinstance(found, Stop):
            break
        attempts += 1
        if isinstance(found, RetrySame):
            assert found.wait_ms < left
            left, tries = left - found.wait_ms, tries + 1
        else:
            tries, targets = 1, targets + 1
    assert attempts <= 3 * 2
