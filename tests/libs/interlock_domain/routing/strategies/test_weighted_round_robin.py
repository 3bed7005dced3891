"""Turns over the weights: exact shares, spread out."""

from collections import Counter
from math import gcd

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.routing.strategies.draw import Draw
from interlock_domain.routing.strategies.weighted_round_robin import order, step_of

weight_lists = st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any).map(tuple)


@given(weight_lists, st.integers(0, 1_000))
def test_a_full_cycle_gives_each_member_exactly_its_weight(weights, cycle) -> None:
    total = sum(weights)
    first = Counter(order(weights, Draw(0, cycle * total + turn))[0] for turn in range(total))
    assert first == Counter({place: weight for place, weight in enumerate(weights) if weight})


@given(weight_lists, st.integers(0, 1 << 40))
def test_every_place_comes_once_and_the_unweighted_ones_last(weights, turn) -> None:
    found = order(weights, Draw(0, turn))
    assert sorted(found) == list(range(len(weights)))
    assert sorted(found[sum(map(bool, weights)) :]) == [p for p, weight in enumerate(weights) if not weight]


def test_failover_shares_are_exact_too() -> None:
    weights = (1, 2, 1)
    orders = [order(weights, Draw(0, turn)) for turn in range(4 * 3)]
    second = Counter(found[1] for found in orders if found[0] == 0)
    assert second == {1: 2, 2: 1}


def test_a_heavy_member_is_not_served_in_one_block() -> None:
    firsts = [order((3, 1, 1), Draw(0, turn))[0] for turn in range(5)]
    assert "000" not in "".join(map(str, firsts))


def test_weights_that_are_all_zero_keep_the_listing() -> None:
    assert order((0, 0), Draw(0, 5)) == [0, 1]


@given(st.integers(2, 100_000))
def test_the_step_visits_every_slot_and_lies_near_the_golden_ratio(total) -> None:
    step = step_of(total)
    assert gcd(step, total) == 1
    assert abs(step - total * 0.618) <= max(4, total * 0.03)
