"""The fold clock: never back, whatever the appenders' clocks do."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.projection.clock import JUMP_MS, FoldClock


def test_time_goes_on_with_the_log() -> None:
    clock = FoldClock()
    assert [clock.advance(ms) for ms in (1_000, 1_500, 1_500)] == [1_000, 1_500, 1_500]


def test_a_small_regression_stands_still() -> None:
    clock = FoldClock()
    clock.advance(10_000)
    assert clock.advance(10_000 - JUMP_MS) == 10_000
    assert clock.advance(10_001) == 10_001


def test_a_jump_back_goes_on_from_where_time_was() -> None:
    clock = FoldClock()
    clock.advance(10_000)
    assert clock.advance(10_000 - JUMP_MS - 1) == 10_000
    assert clock.advance(10_000 - JUMP_MS + 499) == 10_500
    assert clock.offset_ms == JUMP_MS + 1


def test_slow_regressions_do_not_add_up_to_a_standstill() -> None:
    clock = FoldClock()
    clock.advance(10_000)
    clock.advance(8_500)
    assert clock.advance(7_000) == 10_000
    assert clock.advance(7_100) == 10_100


@given(st.lists(st.integers(0, 1 << 45), max_size=60))
def test_log_time_never_goes_back(raws: list[int]) -> None:
    clock = FoldClock()
    seen = [clock.advance(raw) for raw in raws]
    assert seen == sorted(seen)
