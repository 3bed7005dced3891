"""The terminal answer when no target answered."""

from typing import Any

import pytest

from interlock_domain.attempt.outcome import NAMED, STATUS, Refusal, RefusalCode, refuse
from interlock_domain.attempt.record import AttemptRecord
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.words import Eligibility, FailureClass, Outcome, Reason, Shape, StrategyName

NOW = 1_000_000
HARD, SOFT = Eligibility.HARD_EXCLUDED, Eligibility.SOFT_EXCLUDED


def a_decision(*candidates: Candidate) -> Decision:
    return Decision(pool="chat", strategy=StrategyName.PRIORITY_FAILOVER, candidates=candidates)


def eligible(target: str, rank: int) -> Candidate:
    return Candidate(target=target, state=Eligibility.ELIGIBLE, rank=rank)


def out(target: str, state: Eligibility, reason: Reason, **fields) -> Candidate:
    return Candidate(target=target, state=state, reasons=(reason,), **fields)


def failed(target: str, failure: FailureClass | None, **fields) -> AttemptRecord:
    values: dict[str, Any] = {"number": 1, "outcome": Outcome.FAILED, "started_ms": 0, "ended_ms": 1}
    return AttemptRecord(target=target, failure=failure, **(values | fields))


def refusal(decision: Decision, *attempts: AttemptRecord, **fields) -> Refusal:
    return refuse(decision, attempts, NOW, shape=Shape.TEXT, **fields)


STATED = out("atlas/large", SOFT, Reason.COOLDOWN_STATED, until_ms=NOW + 11_200)
DISABLED = out("breeze/large", HARD, Reason.TARGET_DISABLED)
TWO = a_decision(eligible("atlas/large", 1), eligible("breeze/large", 2))


def test_when_nothing_is_eligible_each_candidate_is_named_with_its_reason() -> None:
    out_target = out("cirrus/large", SOFT, Reason.TARGET_OUT, until_ms=NOW + 12_000)
    found = refusal(a_decision(out_target, DISABLED))
    assert found == Refusal(
        status=503,
        code=RefusalCode.NO_TARGET,
        message=(
            "no target is eligible for pool `chat` (text): "
            "cirrus/large not found or not permitted upstream 12 s more; breeze/large disabled. "
            "Earliest: 12 s."
        ),
        parts=("cirrus/large not found or not permitted upstream 12 s more", "breeze/large disabled"),
        attempts=0,
        retry_after_s=12,
    )


def test_when_nothing_can_return_by_itself_no_time_is_named() -> None:
    found = refusal(a_decision(DISABLED))
    assert (found.status, found.retry_after_s) == (503, None)
    assert found.message == "no target is eligible for pool `chat` (text): breeze/large disabled."


def test_a_pool_without_members_says_so() -> None:
    found = refusal(a_decision())
    assert (found.status, found.code) == (503, RefusalCode.NO_TARGET)
    assert found.message == "no target is eligible for pool `chat` (text): it has no members."


def test_when_everything_that_could_return_lacks_capacity_it_is_429() -> None:
    found = refusal(a_decision(STATED, DISABLED))
    assert (found.status, found.code, found.retry_after_s) == (429, RefusalCode.CAPACITY, 12)
    learned = out("a/b", SOFT, Reason.HALF_OPEN, until_ms=NOW + 1, failure=FailureClass.OVERLOAD)
    assert refusal(a_decision(learned)).status == 429


def test_one_candidate_that_is_out_for_another_cause_makes_it_503() -> None:
    operator = out("b/c", SOFT, Reason.COOLDOWN_OPERATOR, until_ms=NOW + 900_000)
    found = refusal(a_decision(STATED, operator))
    assert (found.status, found.retry_after_s) == (503, 12)


@pytest.mark.parametrize(
    ("until_ms", "seconds"), [(NOW + 900_000, 60), (NOW + 1, 1), (NOW - 5, 1), (None, 5)]
)
def test_the_wait_is_between_a_second_and_a_minute_and_always_stated_for_capacity(until_ms, seconds) -> None:
    found = refusal(a_decision(out("a/b", SOFT, Reason.COOLDOWN_STATED, until_ms=until_ms)))
    assert found.retry_after_s == seconds


@pytest.mark.parametrize("failure", [FailureClass.RATE_LIMIT, FailureClass.RAMP, FailureClass.OVERLOAD])
def test_attempts_that_failed_for_capacity_are_429_with_the_shortest_stated_wait(failure) -> None:
    found = refusal(
        TWO,
        failed("atlas/large", failure, status=429, retry_after_ms=7_100),
        failed("breeze/large", failure, status=429, retry_after_ms=30_000),
    )
    assert (found.status, found.retry_after_s, found.attempts) == (429, 8, 2)
    assert found.message.startswith("no capacity for pool `chat` (text) after 2 attempts: ")


def test_an_unstated_limit_asks_for_five_seconds() -> None:
    found = refusal(TWO, failed("atlas/large", FailureClass.RATE_LIMIT, status=429))
    assert (found.status, found.retry_after_s) == (429, 5)
    assert found.parts == ("atlas/large rate_limit 429", "breeze/large not tried")


def test_attempts_that_failed_otherwise_are_502() -> None:
    found = refusal(
        TWO,
        failed("atlas/large", FailureClass.SERVER_ERROR, status=500),
        failed("atlas/large", FailureClass.SERVER_ERROR, status=503),
        failed("breeze/large", FailureClass.RATE_LIMIT, status=429, retry_after_ms=2_000),
    )
    assert (found.status, found.code, found.retry_after_s) == (502, RefusalCode.ATTEMPTS_FAILED, None)
    assert found.message == (
        "3 attempts failed for pool `chat` (text): "
        "atlas/large server_error 503 x2; breeze/large rate_limit 429."
    )


@pytest.mark.parametrize("failure", [FailureClass.AUTH, FailureClass.BILLING, FailureClass.PERMISSION])
def test_when_every_target_refuses_our_credential_it_is_502_too(failure) -> None:
    found = refusal(TWO, failed("atlas/large", failure, status=401), failed("breeze/large", failure))
    assert (found.status, found.code) == (502, RefusalCode.CREDENTIALS_REFUSED)
    mixed = refusal(TWO, failed("atlas/large", failure), failed("breeze/large", FailureClass.TIMEOUT))
    assert mixed.code is RefusalCode.ATTEMPTS_FAILED


def test_when_time_ran_out_it_is_504_whatever_failed_before() -> None:
    found = refusal(TWO, failed("atlas/large", FailureClass.RATE_LIMIT), timed_out=True)
    assert (found.status, found.code, found.retry_after_s) == (504, RefusalCode.DEADLINE, None)
    assert found.message.startswith("time ran out for pool `chat` (text) after 1 attempt: ")


def test_an_attempt_that_was_only_aborted_is_no_capacity_problem() -> None:
    aborted = failed("atlas/large", None, outcome=Outcome.ABORTED)
    found = refusal(a_decision(eligible("atlas/large", 1)), aborted)
    assert (found.status, found.parts) == (502, ("atlas/large aborted",))


def test_a_long_list_is_cut_in_the_message_and_whole_in_the_parts() -> None:
    many = [out(f"a/{i}", HARD, Reason.TARGET_DISABLED) for i in range(NAMED + 3)]
    found = refusal(a_decision(*many))
    assert found.message.endswith("; and 3 more.")
    assert len(found.parts) == NAMED + 3


def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(RefusalCode)
