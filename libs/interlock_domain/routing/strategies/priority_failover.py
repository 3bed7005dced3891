"""Priority failover: members in the order in which they are listed.

Rule: the first eligible member gets every request; the others are only for its failures. Dropped:
rotating among members of one tier, because whoever wants that says so with a weighted strategy.
"""

from interlock_domain.routing.strategies.draw import Draw


def order(weights: tuple[int, ...], draw: Draw) -> list[int]:
    """Listing order; weights and draw say nothing here."""
    del draw
    return list(range(len(weights)))
