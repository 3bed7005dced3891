"""Draws by weight, without replacement."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.routing.strategies.draw import DRAWN, Draw
from interlock_domain.routing.strategies.weighted_random import order

SEEDS = 20_000


@given(st.lists(st.integers(0, 9), max_size=24), st.integers(0, 1 << 63))
def test_every_place_comes_once_and_the_unweighted_ones_last(weights, seed) -> None:
    found = order(tuple(weights), Draw(seed, 0))
    assert sorted(found) == list(range(len(weights)))
    positive = sum(weight > 0 for weight in weights)
    assert all(weights[place] > 0 for place in found[:positive])


def test_the_same_seed_gives_the_same_order() -> None:
    assert order((1, 2, 3, 4), Draw(7, 0)) == order((1, 2, 3, 4), Draw(7, 99))


def test_shares_of_the_first_place_follow_the_weights() -> None:
    first = Counter(order((1, 2, 5), Draw(seed, 0))[0] for seed in range(SEEDS))
    for place, weight in enumerate((1, 2, 5)):
        assert abs(first[place] / SEEDS - weight / 8) < 0.01


def test_shares_of_the_second_place_keep_the_proportions_of_those_left() -> None:
    orders = (order((1, 2, 5), Draw(seed, 0)) for seed in range(SEEDS))
    second = Counter(found[1] for found in orders if found[0] == 2)
    assert abs(second[1] / second.total() - 2 / 3) < 0.015


def test_places_beyond_those_drawn_follow_in_listing_order() -> None:
    found = order((1,) * 40, Draw(5, 0))
    assert found[:DRAWN] != sorted(found[:DRAWN])
    assert found[DRAWN:] == sorted(found[DRAWN:])
