"""Quorum: how many gateways must trip before the fleet rests a target.

Rule: `auto` (0) believes one gateway, unless another live one was last seen succeeding there; then a second
must trip. N always wants N. Dropped: a share of the fleet, because most gateways send a target nothing
within a minute and would count as content.
"""


def enough(quorum: int, tripped: int, *, contradicted: bool) -> bool:
    """May a cooldown open? `tripped` counts gateways, the judged one included."""
    if quorum > 0:
        return tripped >= quorum
    return tripped >= (2 if contradicted else 1)
