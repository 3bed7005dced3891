"""Durations and sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.kinds.scalars import TEN_YEARS_MS
from interlock_domain.catalog.kinds.units import parse_duration, parse_size, write_duration, write_size


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("15s", 15_000),
        ("10m", 600_000),
        ("2h", 7_200_000),
        ("14d", 1_209_600_000),
        ("1.5s", 1_500),
        ("0s", 0),
        ("0.25s", 250),
        ("0.001s", 1),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "15", "s", "15 s", "-1s", "1h30m", "15S", "1.5ms", "1.0001s", "١s", "1e3s", "15s\n"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "size"), [("64KiB", 65_536), ("32MiB", 33_554_432), ("10GiB", 10 * 1024**3), ("7B", 7)]
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "64", "64KB", "64 KiB", "-1B", "1.5KiB"])
def test_anything_else_is_no_size(text: str) -> None:
    assert parse_size(text) is None


@given(ms=st.integers(0, TEN_YEARS_MS), size=st.integers(0, 1024**5))
def test_what_is_written_reads_back_the_same(ms: int, size: int) -> None:
    assert parse_duration(write_duration(ms)) == ms
    assert parse_size(write_size(size)) == size


def test_the_largest_fitting_unit_is_written() -> None:
    assert [write_duration(ms) for ms in (0, 1, 1_500, 90_000, 600_000, 86_400_000)] == [
        "0s",
        "1ms",
        "1500ms",
        "90s",
        "10m",
        "1d",
    ]
    assert [write_size(size) for size in (0, 1_000, 65_536, 1024**4)] == ["0B", "1000B", "64KiB", "1TiB"]
