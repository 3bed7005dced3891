"""Sixteen logarithmic latency buckets, the same in every gateway, event and row.

Rule: bucket 0 holds what took less than 16 ms, each further one doubles, the last holds 262 s and more:
time to first token of a cache hit and a ten minute answer both fall inside. The bounds never change,
because counts of different releases are added. Dropped: configurable bounds, and exact quantile sketches
whose merged size depends on the traffic.
"""

from typing import Final

BUCKETS: Final = 16
BOUNDS_MS: Final = tuple(16 << i for i in range(BUCKETS - 1))
"""Upper bounds, exclusive, of all buckets but the last."""


def bucket_of(ms: float) -> int:
    """The bucket of a duration; negative ones count as 0."""
    # Comparisons: calls of min and max would be two thirds of the cost of counting a request.
    bucket = (int(ms) >> 4).bit_length() if ms > 0 else 0
    return bucket if bucket < BUCKETS else BUCKETS - 1
