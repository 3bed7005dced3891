"""Waits before a same-target retry."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.backoff import backoff_ms
from interlock_domain.catalog.policy import Backoff

STEADY = Backoff(jitter=0.0)


def test_without_jitter_the_wait_doubles_up_to_its_maximum() -> None:
    assert [backoff_ms(STEADY, n, seed=1) for n in (1, 2, 3, 6, 7, 500)] == [
        100,
        200,
        400,
        3_200,
        5_000,
        5_000,
    ]


@given(st.integers(1, 50), st.integers(0, 1 << 63))
def test_jitter_moves_the_wait_either_way_within_its_share(retry, seed) -> None:
    base = backoff_ms(STEADY, retry, seed)
    assert abs(backoff_ms(Backoff(), retry, seed) - base) <= base * 0.5 + 1


def test_jitter_goes_in_both_directions_and_differs_between_requests_and_retries() -> None:
    waits = [backoff_ms(Backoff(), 1, seed) for seed in range(100)]
    assert min(waits) < 80
    assert max(waits) > 120
    assert backoff_ms(Backoff(factor=1.0), 1, 5) != backoff_ms(Backoff(factor=1.0), 2, 5)


def test_the_same_request_waits_the_same_again() -> None:
    assert backoff_ms(Backoff(), 2, 9) == backoff_ms(Backoff(), 2, 9)


def test_a_jitter_above_one_never_makes_a_wait_negative() -> None:
    assert min(backoff_ms(Backoff(jitter=3.0), 1, seed) for seed in range(100)) == 0
