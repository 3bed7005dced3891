"""What the kill matrix sees in a log: a drill that overlooks a copy or a hole proves nothing."""

from collections.abc import Sequence

from interlock_domain.events import ClockTicked, Event, GatewayReported, TargetStateSet
from interlock_domain.recorded import CLOCK_STREAM, RecordedEvent, Source
from interlock_domain.words import AdminState
from tests.drills.rig.refold import Refold

TARGET = "target/atlas/large"


class LogOf:
    """A log that holds just these records, whatever a real one would do with them."""

    def __init__(self, records: Sequence[RecordedEvent]) -> None:
        self._records = records

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        return [one for one in self._records if one.position > after][:limit]

    async def position_at(self, recorded_ms: int) -> int:
        raise NotImplementedError

    async def head(self) -> int:
        return self._records[-1].position

    async def wait(self, after: int, timeout_s: float) -> bool:
        raise NotImplementedError


def decided(position: int, version: int, reason: str = "") -> RecordedEvent:
    event = TargetStateSet(target="atlas/large", state=AdminState.DISABLED)
    return recorded(position, event, stream=TARGET, version=version, reason=reason)


def told(position: int, seq: int) -> RecordedEvent:
    event = GatewayReported(moment="running", software="1", address="", snapshot="", feed_age_ms=0)
    return recorded(position, event, stream="gateway/gw", source=Source(gateway="gw", boot="b", seq=seq))


def recorded(position: int, event: Event, *, stream: str, **more: object) -> RecordedEvent:
    known = {"version": None} | more
    return RecordedEvent(
        position=position,
        recorded_ms=position * 1000,
        stream=stream,
        id=f"id-{position}",
        event=event,
        **known,  # type: ignore[arg-type]
    )


async def folded(*records: RecordedEvent) -> Refold:
    refold = Refold(LogOf(records))
    await refold.to(records[-1].position)
    return refold


async def test_copies_are_counted_and_change_nothing():
    found = await folded(decided(1, 1, "why"), told(2, 1), decided(3, 1, "why"), told(4, 1), decided(5, 2))
    assert (found.order.copied_decisions, found.order.copied_facts) == (1, 1)
    assert not found.order.torn
    assert [one.position for one in found.by_reason["why"]] == [1]
    assert set(found.decisions) == {1, 3, 5}
    assert len(set(found.digests())) == 1


async def test_a_decision_before_the_one_that_it_follows_shows():
    found = await folded(decided(1, 1), decided(2, 3))
    assert found.order.torn == [f"{TARGET}: version 3 follows 1"]


async def test_a_fact_that_is_missing_from_a_boot_shows():
    found = await folded(told(1, 1), told(2, 4))
    assert found.order.lost_facts == 2
    assert len(found.order.lost) == 1


async def test_a_tick_that_never_came_is_no_loss():
    ticks = [
        recorded(n, ClockTicked(), stream=CLOCK_STREAM, source=Source(gateway="projector", boot="1", seq=seq))
        for n, seq in ((1, 1), (2, 7))
    ]
    found = await folded(*ticks)
    assert not found.order.lost


async def test_a_position_that_nobody_was_given_shows():
    found = await folded(told(1, 1), told(3, 2))
    assert found.order.holes == ["3 follows 1"]
