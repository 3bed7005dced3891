"""The retry budget."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.budget import RetryBudget
from interlock_domain.catalog.policy import Budgets

NO_FLOOR = Budgets(retry_floor_per_s=0.0)


def drawn(budget: RetryBudget, now_ms: int) -> int:
    """How often the budget can be drawn from at one moment."""
    number = 0
    while budget.draw(now_ms):
        number += 1
    return number


def test_a_fresh_budget_has_ten_seconds_of_its_floor() -> None:
    assert drawn(RetryBudget(Budgets(), 0), 0) == 10


def test_each_request_brings_its_share() -> None:
    budget = RetryBudget(NO_FLOOR, 0)
    for _ in range(10):
        budget.request()
    budget.settle(50)
    assert drawn(budget, 100) == 2


def test_the_floor_flows_in_with_time() -> None:
    budget = RetryBudget(Budgets(), 0)
    assert drawn(budget, 0) == 10
    assert not budget.draw(999)
    assert budget.draw(1_000)
    assert drawn(budget, 4_500) == 3


def test_an_idle_pool_saves_up_ten_seconds_at_most() -> None:
    budget = RetryBudget(Budgets(), 0)
    assert drawn(budget, 3_600_000) == 10


def test_shares_of_requests_older_than_ten_seconds_are_gone() -> None:
    budget = RetryBudget(NO_FLOOR, 0)
    for _ in range(50):
        budget.request()
    assert budget.left(9_999) == 10.0
    assert budget.left(10_000) == 0.0
    for _ in range(5):
        budget.request()
    assert drawn(budget, 10_500) == 1


def test_a_clock_that_stands_or_goes_back_changes_nothing() -> None:
    budget = RetryBudget(Budgets(), 5_000)
    assert drawn(budget, 4_000) == 10
    assert not budget.draw(5_000)
    assert budget.draw(6_000)


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 20)), max_size=40))
def test_retries_never_exceed_their_share_of_the_requests_and_the_floor(steps) -> None:
    budget, now, requests, retries = RetryBudget(Budgets(), 0), 0, 0, 0
    for passed, number in steps:
        now += passed
        for _ in range(number):
            budget.request()
        requests += number
        retries += drawn(budget, now)
    assert retries <= 10 + 0.2 * requests + now / 1_000 + 1e-6


def test_it_knows_when_half_of_it_is_spent() -> None:
    budget = RetryBudget(Budgets(), 0)
    for _ in range(5):
        assert not budget.half_spent(0)
        assert budget.draw(0)
    assert not budget.half_spent(0)
    assert budget.draw(0)
    assert budget.half_spent(0)
    assert not budget.half_spent(1_000)


def test_without_a_floor_and_requests_nothing_is_spent() -> None:
    assert not RetryBudget(NO_FLOOR, 0).half_spent(0)


def test_it_counts_the_requests_for_whoever_has_a_share_of_them() -> None:
    budget = RetryBudget(Budgets(), 0)
    for _ in range(7):
        budget.request()
    assert budget.counted(9_999) == (7, 7)
    budget.request()
    assert budget.counted(10_000) == (8, 1)
