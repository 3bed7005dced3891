"""The wait before a retry on the same target: exponential, jittered in both directions.

Rule: the jitter comes from the request's seed and the number of the retry, so that a wait can be
recomputed and two requests that failed together do not come back together. Dropped: full jitter
(0 to the whole wait), because half of the retries would then hit the target at once.
"""

from typing import Final

from interlock_domain.catalog.policy import Backoff
from interlock_domain.routing.strategies.draw import splitmix64

_DOUBLINGS: Final = 32
"""Beyond it every sensible `max` has long been reached, and the power stays a small number."""


def backoff_ms(backoff: Backoff, retry: int, seed: int) -> int:
    """The wait before the retry-th retry (from 1) of a request."""
    base = min(float(backoff.max_ms), backoff.initial_ms * backoff.factor ** min(retry - 1, _DOUBLINGS))
    either_way = 2.0 * (splitmix64(seed, retry) / (1 << 64)) - 1.0
    return max(0, round(base * (1.0 + backoff.jitter * either_way)))
