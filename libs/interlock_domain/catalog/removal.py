"""How many targets one change may take away before somebody must say that it is meant.

One function for the control plane, which refuses such a configuration, and for gateways, which refuse
such a snapshot: a plan made from stale or empty input must not empty the fleet on either path.
"""

from collections.abc import Collection, Iterable
from typing import Final

FREE_REMOVALS: Final = 3
"""Small catalogs change by a few entries at a time; a share alone would ask for a flag each time."""
FREE_SHARE: Final = 0.3


def removes_too_many(before: Collection[str], after: Iterable[str]) -> bool:
    """More than max(3, 30 %) of the targets go, or none is left of some."""
    kept = set(after)
    gone = sum(1 for target in before if target not in kept)
    return gone > max(FREE_REMOVALS, FREE_SHARE * len(before)) or (bool(before) and not kept)
