"""Time stands still until it is moved."""

import pytest

from interlock_testing.clock import FakeClock


def test_monotonic_and_wall_time_move_together():
    clock = FakeClock(monotonic_s=10.0, wall_s=1_000.0)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.monotonic_ms()) == (12.5, 12_500)
    assert (clock.wall(), clock.wall_ms()) == (1_002.5, 1_002_500)


def test_a_wall_clock_that_is_set_leaves_monotonic_time_alone():
    clock = FakeClock(monotonic_s=10.0, wall_s=1_000.0)
    clock.jump_wall(-900)
    assert (clock.monotonic(), clock.wall()) == (10.0, 100.0)


def test_time_does_not_go_back():
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)
