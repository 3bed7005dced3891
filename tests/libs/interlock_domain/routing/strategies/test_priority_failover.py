"""Listing order."""

from interlock_domain.routing.strategies.draw import Draw
from interlock_domain.routing.strategies.priority_failover import order


def test_the_order_is_the_listing_whatever_is_drawn() -> None:
    assert order((5, 0, 1), Draw(seed=3, turn=9)) == order((1, 1, 1), Draw(seed=4, turn=1)) == [0, 1, 2]
