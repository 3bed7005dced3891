"""Who is told: the newest configuration, each receiver from the decision that first named it."""

from collections.abc import Sequence

from interlock_domain.catalog.key import Alert
from interlock_domain.events import ConfigApplied
from interlock_domain.recorded import RecordedEvent
from interlock_reactors.receivers import Receivers

A, B = Alert(url="https://a.example.com/secret"), Alert(url="https://b.example.com/secret")


class Decisions:
    """A journal; position n stands at log position 10 n once it is `published`."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.published = 10_000

    def apply(self, *alerts: Alert) -> None:
        position = len(self.events) + 1
        event = ConfigApplied(
            revision=position, base_revision=position - 1, digest="d", origin="api", alerts=alerts
        )
        self.events.append(
            RecordedEvent(
                position=position,
                recorded_ms=position * 1000,
                stream="config",
                version=position,
                id=str(position),
                event=event,
            )
        )

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> Sequence[RecordedEvent]:
        assert stream == "config"
        return [one for one in self.events if one.position > after][:limit]

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        assert timeout_s == 0
        return position * 10 if position <= self.published else None


async def now(receivers: Receivers) -> dict[str, int]:
    return {one.alert.url: one.since for one in await receivers.look()}


async def test_a_receiver_counts_from_the_decision_that_first_named_it():
    journal = Decisions()
    receivers = Receivers(journal)
    assert await now(receivers) == {}
    journal.apply(A)
    journal.apply(A, B)
    assert await now(receivers) == {A.url: 10, B.url: 20}
    journal.apply(A, B)
    assert await now(receivers) == {A.url: 10, B.url: 20}


async def test_a_receiver_that_comes_back_is_told_nothing_of_the_time_it_was_away():
    journal = Decisions()
    receivers = Receivers(journal)
    for alerts in ((A,), (), (A,)):
        journal.apply(*alerts)
    assert await now(receivers) == {A.url: 30}
    journal.apply()
    assert await now(receivers) == {}


async def test_a_changed_declaration_keeps_its_place_and_is_the_new_one():
    journal = Decisions()
    journal.apply(A)
    changed = Alert(url=A.url, on=("stale",))
    journal.apply(changed)
    [found] = await Receivers(journal).look()
    assert (found.alert, found.since, found.since_ms) == (changed, 10, 1000)


async def test_a_decision_that_the_log_does_not_hold_yet_waits():
    journal = Decisions()
    journal.published = 0
    journal.apply(A)
    receivers = Receivers(journal)
    assert await now(receivers) == {}
    journal.published = 1
    assert await now(receivers) == {A.url: 10}


async def test_a_name_shows_the_host_and_not_the_path():
    journal = Decisions()
    journal.apply(A, Alert(url="https://a.example.com/other"))
    names = [one.name for one in await Receivers(journal).look()]
    assert len(set(names)) == 2
    assert all(name.startswith("a.example.com-") and "secret" not in name for name in names)
