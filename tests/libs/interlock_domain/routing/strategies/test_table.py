"""The table of strategies."""

from interlock_domain.routing.strategies.draw import Draw
from interlock_domain.routing.strategies.table import STRATEGIES
from interlock_domain.words import StrategyName


def test_every_strategy_has_a_line_and_orders_every_place() -> None:
    assert set(STRATEGIES) == set(StrategyName)
    for order in STRATEGIES.values():
        assert sorted(order((1, 2, 3), Draw(1, 1))) == [0, 1, 2]
        assert order((), Draw(1, 1)) == []
