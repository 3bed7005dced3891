"""The table of strategies: a pool's strategy name to its ordering function.

Rule: an ordering function is pure, total, and returns each place exactly once. A new strategy is a
module and one line here; a strategy without a line fails the table's test, not a request.
"""

from collections.abc import Callable, Mapping
from typing import Final

from interlock_domain.routing.strategies import priority_failover, weighted_random, weighted_round_robin
from interlock_domain.routing.strategies.draw import Draw
from interlock_domain.words import StrategyName

Order = Callable[[tuple[int, ...], Draw], list[int]]
"""(weights of a tier's members in listing order, draw) -> their places, best first."""

STRATEGIES: Final[Mapping[StrategyName, Order]] = {
    StrategyName.PRIORITY_FAILOVER: priority_failover.order,
    StrategyName.WEIGHTED_ROUND_ROBIN: weighted_round_robin.order,
    StrategyName.WEIGHTED_RANDOM: weighted_random.order,
}
