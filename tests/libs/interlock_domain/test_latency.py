"""Buckets that every release counts in the same way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.latency import BOUNDS_MS, BUCKETS, bucket_of


@pytest.mark.parametrize(
    ("ms", "bucket"),
    [(-5, 0), (0, 0), (15.9, 0), (16, 1), (31, 1), (32, 2), (262_143, 14), (262_144, 15), (1e9, 15)],
)
def test_a_bound_belongs_to_the_bucket_above_it(ms: float, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_duration_lies_below_its_own_bound_and_not_below_the_one_before(ms: int) -> None:
    bucket = bucket_of(ms)
    assert 0 <= bucket < BUCKETS
    assert bucket == BUCKETS - 1 or ms < BOUNDS_MS[bucket]
    assert bucket == 0 or ms >= BOUNDS_MS[bucket - 1]
