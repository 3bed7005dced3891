"""Weighted random without replacement: each next place is drawn by weight among those left.

Rule: a member of weight w is first in w of every W draws on average, and the failover order among
the others keeps their proportions. A weight of 0 means only after all others. Dropped: sorting by
u^(1/w), because it needs floating-point logarithms, whose last bit differs between C libraries.
"""

from interlock_domain.routing.strategies.draw import DRAWN, Draw, below, splitmix64, take


def order(weights: tuple[int, ...], draw: Draw) -> list[int]:
    """Places by repeated weighted draws from the request's seed."""
    rest = [place for place, weight in enumerate(weights) if weight > 0]
    unweighted = [place for place, weight in enumerate(weights) if weight <= 0]
    total = sum(weights[place] for place in rest)
    drawn: list[int] = []
    while len(rest) > 1 and len(drawn) < DRAWN:
        place = take(rest, weights, below(splitmix64(draw.seed, len(drawn)), total))
        total -= weights[place]
        drawn.append(place)
    return drawn + rest + unweighted
