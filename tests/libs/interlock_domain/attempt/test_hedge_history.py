"""What a worker remembers for its hedges."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.attempt.budget import RetryBudget
from interlock_domain.attempt.hedge_history import (
    LEAST_RACES,
    LEAST_SAMPLES,
    RACES,
    RACES_MS,
    SAMPLES,
    FirstContents,
    HedgeBudget,
    Races,
)
from interlock_domain.catalog.policy import Budgets

MS = st.floats(0, 600_000)


def measured(*samples: float) -> FirstContents:
    first = FirstContents()
    for ms in samples:
        first.add(ms)
    return first


def test_too_few_streams_have_no_percentile() -> None:
    assert measured(*range(LEAST_SAMPLES - 1)).p95() is None
    assert measured(*range(LEAST_SAMPLES)).p95() == LEAST_SAMPLES - 2


def test_the_percentile_is_of_the_latest_streams_alone() -> None:
    assert measured(*[9_000] * SAMPLES, *range(SAMPLES)).p95() == 94


@given(st.lists(MS, min_size=LEAST_SAMPLES, max_size=3 * SAMPLES))
def test_one_in_twenty_of_the_latest_took_longer(samples: list[float]) -> None:
    p95 = measured(*samples).p95()
    latest = samples[-SAMPLES:]
    assert p95 in latest
    assert sum(ms > p95 for ms in latest) <= len(latest) / 20
    assert sum(ms >= p95 for ms in latest) > len(latest) / 20


def test_a_stream_that_was_given_up_counts_from_the_percentile_on() -> None:
    first = measured(*range(SAMPLES))
    first.overtaken(10.0)
    assert first.p95() == 94
    for _ in range(5):
        first.overtaken(95.0)
    assert first.p95() == 95.0


def test_a_stream_that_was_given_up_says_nothing_while_nothing_is_known() -> None:
    first = measured(*range(LEAST_SAMPLES - 1))
    first.overtaken(1_000.0)
    assert first.p95() is None


def raced(won: int, of: int, *, now_ms: int = 0) -> Races:
    races = Races()
    for n in range(of):
        races.ended(now_ms, won=n < won)
    return races


def test_few_races_are_no_verdict() -> None:
    assert not raced(0, LEAST_RACES - 1).losing(0)
    assert raced(0, LEAST_RACES).losing(0)


def test_one_win_in_ten_is_enough() -> None:
    assert not raced(2, 20).losing(0)
    assert raced(1, 20).losing(0)
    assert not raced(5, 50).losing(0)
    assert raced(4, 50).losing(0)


def test_a_verdict_is_forgotten_so_that_hedges_are_tried_again() -> None:
    races = raced(0, LEAST_RACES)
    assert races.losing(RACES_MS - 1)
    assert not races.losing(RACES_MS)


def test_only_the_latest_races_count() -> None:
    races = raced(RACES, RACES)
    for _ in range(RACES):
        races.ended(1, won=False)
    assert races.losing(1)


def test_the_first_hedge_is_there_at_once_and_the_next_after_its_share_of_requests() -> None:
    budget = HedgeBudget(0.02)
    assert budget.left(1, 1) >= 1.0
    budget.draw()
    assert budget.left(50, 49) < 1.0
    assert budget.left(51, 50) >= 1.0


def test_without_a_ratio_there_is_no_hedge() -> None:
    assert HedgeBudget(0.0).left(1_000, 1_000) == 0.0


def test_a_quiet_pool_saves_up_one_hedge_and_a_busy_one_ten_seconds_worth() -> None:
    assert HedgeBudget(0.02).left(100_000, 10) == 1.0
    assert HedgeBudget(0.02).left(100_000, 500) == 10.0


ARRIVALS = st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 60), st.integers(0, 5)), max_size=60)


@given(st.sampled_from((0.0, 0.001, 0.02, 0.1, 0.5, 1.0)), ARRIVALS)
def test_hedges_are_never_more_than_one_and_their_share(
    ratio: float, arrivals: list[tuple[int, int, int]]
) -> None:
    """Over the retry budget that counts the requests, at any pace and however eagerly it is asked."""
    counter, budget = RetryBudget(Budgets(), 0), HedgeBudget(ratio)
    now_ms, requests, hedges = 0, 0, 0
    for passed_ms, begun, asked in arrivals:
        now_ms += passed_ms
        for _ in range(begun):
            counter.request()
        requests += begun
        for _ in range(asked):
            if budget.left(*counter.counted(now_ms)) >= 1.0:
                budget.draw()
                hedges += 1
        assert counter.counted(now_ms)[0] == requests
        assert hedges <= (1 + ratio * requests if ratio else 0)
