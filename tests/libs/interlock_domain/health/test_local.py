"""The local breaker: opens at once, tries one request per interval, and yields to the fleet."""

from typing import Any

import pytest

from interlock_domain.catalog.policy import CooldownPolicy, HalfOpenPolicy, TargetPolicy
from interlock_domain.health.cooldown import CALM_MS
from interlock_domain.health.local import LocalBreakers, LocalFailure
from interlock_domain.words import FailureClass, Phase

T = "acme/large"
POLICY = TargetPolicy()


def fail(breakers: LocalBreakers, now: float, policy: TargetPolicy = POLICY, **said: Any) -> None:
    fields: dict[str, Any] = {
        "target": T,
        "shape": "text",
        "failure": FailureClass.SERVER_ERROR,
        "phase": Phase.PREAMBLE,
    }
    breakers.failed(LocalFailure(**(fields | said)), policy, now)


def opened(now: int = 0) -> LocalBreakers:
    """A breaker that two failures have just opened, for 15 s."""
    breakers = LocalBreakers()
    fail(breakers, now)
    fail(breakers, now)
    assert breakers.is_open(T, "text", now)
    return breakers


def test_a_worker_without_failures_has_nothing_open() -> None:
    breakers = LocalBreakers()
    assert not breakers.any_open
    assert not breakers.is_open(T, "text", 0)
    assert breakers.open_targets("text", 0) == ()
    assert breakers.clean(T, "text")


def test_two_failures_open_it_for_fifteen_seconds() -> None:
    breakers = opened(1_000)
    assert breakers.any_open
    assert breakers.is_open(T, "text", 15_999)
    assert not breakers.is_open(T, "text", 16_000)


def test_another_shape_stays_open_for_requests() -> None:
    assert not opened().is_open(T, "tools", 0)


def test_many_successes_outweigh_two_failures() -> None:
    breakers = LocalBreakers()
    breakers.succeeded(T, "text", 0, count=10)
    fail(breakers, 100)
    fail(breakers, 200)
    assert not breakers.any_open


def test_refused_connections_open_it_for_all_shapes() -> None:
    breakers = LocalBreakers()
    for shape in ("text", "tools"):
        fail(breakers, 0, shape=shape, failure=FailureClass.DISCONNECT, phase=Phase.CONNECT)
    assert all(breakers.is_open(T, shape, 0) for shape in ("text", "tools", "vision"))


def test_answers_of_any_shape_outweigh_refused_connections() -> None:
    breakers = LocalBreakers()
    breakers.succeeded(T, "tools", 0, count=5)
    fail(breakers, 0, shape="vision", status=500)
    for _ in range(2):
        fail(breakers, 100, failure=FailureClass.DISCONNECT, phase=Phase.CONNECT)
    assert not breakers.is_open(T, "text", 100)


def test_a_timeout_before_headers_is_no_answer() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0, failure=FailureClass.TIMEOUT, phase=Phase.HEADERS)
    for _ in range(2):
        fail(breakers, 0, failure=FailureClass.DISCONNECT, phase=Phase.CONNECT, shape="tools")
    assert breakers.is_open(T, "vision", 0)


def test_a_retry_on_the_same_target_is_no_strike() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0)
    fail(breakers, 0, try_=2)
    assert not breakers.any_open


@pytest.mark.parametrize(
    "failure", [FailureClass.AUTH, FailureClass.NOT_FOUND, FailureClass.CONFLICT, FailureClass.CALLER_FAULT]
)
def test_refusals_and_caller_faults_open_nothing_here(failure: FailureClass) -> None:
    breakers = LocalBreakers()
    for _ in range(9):
        fail(breakers, 0, failure=failure, phase=Phase.HEADERS)
    assert not breakers.any_open
    assert breakers.clean(T, "text")


def test_a_stated_time_is_obeyed_at_once_for_all_shapes() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0, failure=FailureClass.RATE_LIMIT, phase=Phase.HEADERS, retry_after_ms=7_000)
    assert breakers.is_open(T, "tools", 6_999)
    assert not breakers.is_open(T, "tools", 7_000)


def test_a_longer_stated_time_extends_and_a_shorter_one_does_not() -> None:
    breakers = opened()
    for stated in (60_000, 2_000):
        fail(breakers, 0, failure=FailureClass.OVERLOAD, retry_after_ms=stated)
    assert breakers.is_open(T, "text", 59_999)
    assert not breakers.is_open(T, "text", 60_000)
    fail(breakers, 30_000, failure=FailureClass.OVERLOAD, retry_after_ms=60_000)
    assert breakers.is_open(T, "text", 89_999)


def test_slow_down_rests_two_seconds_without_being_told() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0, failure=FailureClass.RAMP)
    assert breakers.is_open(T, "tools", 1_999)
    assert not breakers.is_open(T, "tools", 2_000)


def test_limits_without_a_stated_time_rest_five_seconds_after_two() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0, failure=FailureClass.RATE_LIMIT)
    assert not breakers.any_open
    fail(breakers, 0, failure=FailureClass.RATE_LIMIT)
    assert breakers.is_open(T, "tools", 4_999)
    assert not breakers.is_open(T, "tools", 5_000)


def test_one_own_request_per_interval_goes_out_after_the_time() -> None:
    breakers = opened()
    breakers.take_probe(T, "text", 15_000)
    assert breakers.is_open(T, "text", 19_999)
    assert not breakers.is_open(T, "text", 20_000)


def test_taking_a_probe_before_the_time_changes_nothing() -> None:
    breakers = opened()
    breakers.take_probe(T, "text", 14_000)
    assert not breakers.is_open(T, "text", 15_000)


def test_a_success_after_the_time_closes_it() -> None:
    breakers = opened()
    breakers.succeeded(T, "text", 15_000)
    assert not breakers.any_open
    assert breakers.clean(T, "text")


def test_a_success_during_the_time_does_not() -> None:
    breakers = opened()
    breakers.succeeded(T, "text", 14_999)
    assert breakers.is_open(T, "text", 14_999)


def test_a_failed_own_request_doubles_the_time() -> None:
    breakers = opened()
    breakers.take_probe(T, "text", 15_000)
    fail(breakers, 15_100, elapsed_ms=100)
    assert breakers.is_open(T, "text", 45_099)
    assert not breakers.is_open(T, "text", 45_100)


def test_an_older_request_that_fails_only_now_does_not() -> None:
    breakers = opened()
    fail(breakers, 15_100, elapsed_ms=200)
    assert not breakers.is_open(T, "text", 15_100)


def test_a_trip_within_five_minutes_of_the_return_doubles_too() -> None:
    breakers = opened()
    breakers.succeeded(T, "text", 15_000)
    for _ in range(2):
        fail(breakers, 15_000 + CALM_MS - 1)
    assert breakers.is_open(T, "text", 15_000 + CALM_MS + 29_998)


def test_later_it_starts_at_the_bottom() -> None:
    breakers = opened()
    breakers.succeeded(T, "text", 15_000)
    for _ in range(2):
        fail(breakers, 15_000 + CALM_MS)
    assert not breakers.is_open(T, "text", 30_000 + CALM_MS)


def test_strikes_that_no_judgement_reads_any_more_leave_it_clean() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0)
    assert not breakers.clean(T, "text")
    breakers.succeeded(T, "text", 4_000, count=20)
    assert breakers.clean(T, "text")


def test_a_long_healthy_list_stays_short() -> None:
    breakers = LocalBreakers()
    for n in range(1_000):
        breakers.succeeded(T, "text", n * 100)
    for n in range(2):
        fail(breakers, 100_000 + n)
    assert not breakers.any_open


def test_a_newer_fleet_cooldown_replaces_it() -> None:
    breakers = opened(1_000)
    breakers.fleet_opened(T, "text", 999)
    assert breakers.is_open(T, "text", 1_000)
    breakers.fleet_opened(T, "text", 1_000)
    assert not breakers.any_open


def test_the_end_of_a_fleet_cooldown_closes_it() -> None:
    breakers = opened()
    breakers.fleet_ended(T, "tools", 10)
    assert breakers.any_open
    breakers.fleet_ended(T, "text", 10)
    assert not breakers.any_open


def test_a_fleet_cooldown_of_all_shapes_covers_each() -> None:
    breakers = opened()
    breakers.fleet_opened(T, "*", 10)
    assert not breakers.any_open
    breakers.fleet_ended("acme/unknown", "*", 10)


def test_open_targets_are_sorted_and_leave_out_those_whose_probe_is_due() -> None:
    breakers = LocalBreakers()
    for name, now in (("b/x", 500), ("a/x", 500), ("c/x", 0)):
        for _ in range(2):
            fail(breakers, now, target=name)
    assert breakers.open_targets("text", 1_000) == ("a/x", "b/x", "c/x")
    assert breakers.open_targets("text", 15_000) == ("a/x", "b/x")
    breakers.succeeded("c/x", "text", 15_000)
    assert breakers.any_open


def test_two_open_breakers_of_one_target_end_one_by_one() -> None:
    breakers = opened()
    for _ in range(2):
        fail(breakers, 0, shape="tools")
    breakers.fleet_ended(T, "text", 1)
    assert breakers.any_open
    assert breakers.open_targets("tools", 1) == (T,)
    breakers.fleet_ended(T, "tools", 1)
    assert not breakers.any_open


def test_while_all_shapes_rest_a_shape_opens_nothing() -> None:
    breakers = LocalBreakers()
    fail(breakers, 0, failure=FailureClass.RATE_LIMIT, retry_after_ms=1_000)
    for _ in range(2):
        fail(breakers, 500)
    assert not breakers.is_open(T, "text", 1_000)


def test_the_policy_of_the_target_decides() -> None:
    breakers = LocalBreakers()
    policy = TargetPolicy(
        cooldown=CooldownPolicy(strikes=3, initial_ms=1_000), half_open=HalfOpenPolicy(probe_interval_ms=100)
    )
    fail(breakers, 0, policy)
    fail(breakers, 0, policy)
    assert not breakers.any_open
    fail(breakers, 0, policy)
    assert breakers.is_open(T, "text", 999)
    breakers.take_probe(T, "text", 1_000)
    assert breakers.is_open(T, "text", 1_099)
    assert not breakers.is_open(T, "text", 1_100)


def test_a_trip_soon_after_the_fleet_s_cooldown_ended_doubles_as_the_fleet_does() -> None:
    breakers = opened()
    breakers.fleet_opened(T, "text", 100)
    breakers.fleet_ended(T, "text", 20_000)
    for _ in range(2):
        fail(breakers, 30_000)
    assert breakers.is_open(T, "text", 59_999)
    assert not breakers.is_open(T, "text", 60_000)


def test_a_target_with_one_strike_is_calm_again_after_the_window() -> None:
    breakers = LocalBreakers()
    fail(breakers, 1_000)
    window = POLICY.cooldown.window_ms
    assert not breakers.calm(T, 1_000 + window)
    assert not breakers.clean(T, "text")
    assert breakers.calm(T, 1_001 + window)
    assert breakers.clean(T, "text")


def test_a_target_whose_breaker_is_open_is_never_calm() -> None:
    assert not opened().calm(T, 10 * POLICY.cooldown.window_ms)
    assert LocalBreakers().calm(T, 0)
