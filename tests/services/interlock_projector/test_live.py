"""The live state for readers: as_of grows with time, follows the log and never goes back."""

from interlock_domain.events import ClockTicked
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.state import empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_projector.tick import IDLE_S, PENDING_S, Ticker
from interlock_testing.clock import FakeClock
from interlock_views.live_state import LiveState
from interlock_views.slices import fold_slices


def tick(position: int, at_ms: int) -> RecordedEvent:
    return RecordedEvent(
        position=position,
        recorded_ms=at_ms,
        stream="clock",
        version=None,
        id=f"t{position}",
        event=ClockTicked(),
    )


def test_as_of_is_log_time_plus_the_time_since_it_was_folded():
    clock, state = FakeClock(), empty_state()
    live = LiveState(state, clock)
    evolve(state, tick(1, 5_000))
    live.folded()
    clock.advance(1.5)
    assert live.current() == (state, 6_500)


def test_as_of_never_goes_back_when_the_log_is_behind_our_count():
    clock, state = FakeClock(), empty_state()
    live = LiveState(state, clock)
    evolve(state, tick(1, 5_000))
    live.folded()
    clock.advance(3)
    assert live.current()[1] == 8_000
    evolve(state, tick(2, 6_000))
    live.folded()
    assert live.current()[1] == 8_000
    clock.advance(3)
    assert live.current()[1] == 9_000


def test_ticks_come_each_second_while_something_is_pending_and_each_ten_at_rest():
    ticker = Ticker(epoch=3)
    assert ticker.due_in(100.0, pending=False) == 0
    first, second = ticker.next(100.0), ticker.next(101.0)
    assert ticker.due_in(101.5, pending=True) == PENDING_S - 0.5
    assert ticker.due_in(101.5, pending=False) == IDLE_S - 0.5
    assert first.id != second.id
    assert [t.source.seq for t in (first, second) if t.source is not None] == [1, 2]


async def test_a_long_batch_gives_the_loop_away_between_slices():
    import asyncio

    class SlowClock(FakeClock):
        def monotonic(self) -> float:
            self.advance(0.001)
            return super().monotonic()

    state, seen = empty_state(), []

    async def other() -> None:
        while True:
            seen.append(state.position)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await fold_slices(state, [tick(n, n) for n in range(1, 21)], SlowClock())
    task.cancel()
    assert state.position == 20
    assert len({position for position in seen if 0 < position < 20}) >= 5
