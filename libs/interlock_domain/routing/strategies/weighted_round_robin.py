"""Weighted round robin: turns walk a full cycle over the weights, spread out instead of in blocks.

Rule: over any W turns that start at a multiple of W (W = sum of the weights) each member is first
exactly weight times. The walk steps by a number coprime to W near W / golden ratio, so that a heavy
member's turns lie far apart. The turn's quotient by W then walks among the others in the same way,
which makes failover shares exact too (the turn itself would favour one of them whenever the sums
share a factor). A weight of 0 means only after all others. Dropped: smooth round robin with current
weights per member, because its state is a vector and a decision would have to record all of it.
"""

from functools import lru_cache
from math import gcd

from interlock_domain.routing.strategies.draw import DRAWN, Draw, take


def order(weights: tuple[int, ...], draw: Draw) -> list[int]:
    """Places by the request's turn."""
    rest = [place for place, weight in enumerate(weights) if weight > 0]
    unweighted = [place for place, weight in enumerate(weights) if weight <= 0]
    total = sum(weights[place] for place in rest)
    turn, taken = draw.turn, list[int]()
    while len(rest) > 1 and len(taken) < DRAWN:
        turn, at = divmod(turn, total)
        place = take(rest, weights, at * step_of(total) % total)
        total -= weights[place]
        taken.append(place)
    return taken + rest + unweighted


@lru_cache(maxsize=4_096)
def step_of(total: int) -> int:
    """The number coprime to `total` that lies nearest to total / golden ratio, the lower of two."""
    near = total * 618_034 // 1_000_000
    distance = 0
    while True:
        for step in (near - distance, near + distance):
            if step > 0 and gcd(step, total) == 1:
                return step
        distance += 1
