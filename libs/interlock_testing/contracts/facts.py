"""What every log of facts must do, also one that gets its decisions from elsewhere.

Rule: the suite writes by `publish` alone, so that a log whose decisions come in through a relay is held
to the same promises as one that takes them itself.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import CLOCK_STREAM, NewEvent, RecordedEvent, stream_of_gateway
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, failure

GATEWAY = stream_of_gateway("g1")


class Facts(Protocol):
    """EventLog without `append`."""

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See EventLog."""
        ...

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        """See EventLog."""
        ...

    async def position_at(self, recorded_ms: int) -> int:
        """See EventLog."""
        ...

    async def head(self) -> int:
        """See EventLog."""
        ...

    async def wait(self, after: int, timeout_s: float) -> bool:
        """See EventLog."""
        ...


class FactsContract:
    """The part of a contract suite that is about facts; subclasses give `opened`."""

    def opened(self, clock: Callable[[], int]) -> AbstractAsyncContextManager[Facts]:
        """A new, empty log that is closed on leaving."""
        raise NotImplementedError

    async def test_an_empty_log_has_head_zero_and_no_events(self) -> None:
        async with self.opened(ManualClock()) as log:
            assert await log.head() == 0
            assert await log.read(after=0, limit=10) == []
            assert await log.position_at(10**15) == 0

    async def test_facts_are_appended_without_a_check_and_have_no_version(self) -> None:
        async with self.opened(ManualClock()) as log:
            assert await log.publish(GATEWAY, [failure(1), failure(2)]) == 2
            events = await log.read(after=0, limit=10)
            assert [(e.stream, e.version, e.batch) for e in events] == [(GATEWAY, None, None)] * 2
            assert [e.source.seq for e in events if e.source is not None] == [1, 2]

    async def test_given_a_fact_that_is_there_when_published_again_then_it_is_kept_once(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(GATEWAY, [failure(1), failure(2)])
            assert await log.publish(GATEWAY, [failure(1), failure(2)]) == 2
            assert await log.publish(GATEWAY, [failure(2), failure(3), failure(3)]) == 3
            assert [e.id for e in await log.read(after=0, limit=10)] == [failure(n).id for n in (1, 2, 3)]
            assert [e.position for e in await log.read(after=0, limit=10)] == [1, 2, 3]

    async def test_position_at_is_the_last_event_recorded_by_then(self) -> None:
        clock = ManualClock()
        async with self.opened(clock) as log:
            for n, moment in enumerate((100, 200, 200, 300), start=1):
                clock.now_ms = moment
                await log.publish(GATEWAY, [failure(n)])
            found = [await log.position_at(moment) for moment in (99, 100, 199, 200, 299, 300, 10**15)]
            assert found == [0, 1, 1, 3, 3, 4, 4]

    async def test_given_a_clock_that_stepped_back_then_raw_times_are_kept_and_position_order_rules(
        self,
    ) -> None:
        clock = ManualClock(200)
        async with self.opened(clock) as log:
            await log.publish(GATEWAY, [failure(1)])
            clock.now_ms = 150
            await log.publish(GATEWAY, [failure(2)])
            assert [e.recorded_ms for e in await log.read(after=0, limit=10)] == [200, 150]
            assert await log.position_at(170) == 2
            assert await log.position_at(200) == 2

    async def test_wait_is_true_at_once_when_there_is_more_and_false_when_the_time_passed(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(GATEWAY, [failure(1)])
            assert await log.wait(0, 0.0) is True
            assert await log.wait(1, 0.01) is False

    async def test_a_tick_of_the_clock_stream_is_a_fact_like_any_other(self) -> None:
        async with self.opened(ManualClock()) as log:
            await log.publish(CLOCK_STREAM, [decision("tick-1", ClockTicked())])
            (found,) = await log.read(after=0, limit=10, stream=CLOCK_STREAM)
            assert found.version is None
