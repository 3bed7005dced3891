"""The trip rule: a rate, or five in a row, and what healthy targets must survive."""

import pytest

from interlock_domain.catalog.policy import CooldownPolicy
from interlock_domain.health.evidence import Runs
from interlock_domain.health.trip import trips

POLICY = CooldownPolicy()


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ([(0, -1)], False),
        ([(0, -1), (1_000, -1)], True),
        ([(0, 4), (1_000, -2)], True),
        ([(0, 5), (1_000, -2)], False),
        ([(0, 14), (100, -6)], True),
        ([(0, 15), (100, -5)], False),
        ([], False),
    ],
)
def test_two_strikes_and_three_tenths_of_the_attempts_trip(runs: Runs, verdict: bool) -> None:
    assert trips(runs, POLICY) is verdict


def test_one_failure_alone_never_trips() -> None:
    assert not trips([(0, -1)], CooldownPolicy(min_ratio=0.0))


def test_five_in_a_row_trip_however_many_succeeded_before() -> None:
    assert trips([(0, 1_000), (250, -5)], POLICY)


def test_five_in_a_row_right_after_a_success_are_a_burst() -> None:
    assert not trips([(0, 1_000), (249, -5)], POLICY)


def test_four_in_a_row_are_not_five() -> None:
    assert not trips([(0, 1_000), (2_000, -4)], POLICY)


def test_five_in_a_row_without_any_success_trip_where_the_ratio_is_out_of_reach() -> None:
    never = CooldownPolicy(strikes=100)
    assert trips([(0, -4), (2_000, -1)], never)
    assert not trips([(0, -4)], never)


def test_a_late_failure_before_newer_successes_is_no_row() -> None:
    assert not trips([(0, 1_000), (300, -5), (600, 1)], POLICY)


def test_three_percent_of_errors_never_trip() -> None:
    runs: Runs = []
    for second in range(60):
        runs += [(second * 1_000, 97), (second * 1_000 + 500, -3)]
        assert not trips(runs, POLICY)
