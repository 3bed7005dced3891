"""Several projectors of one cluster over stores in memory: one owns, the others stand by."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock_domain.events import ProviderRemoved
from interlock_domain.projection.checkpoint import state_digest
from interlock_domain.projection.rows import all_rows
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import UnreadableDecision
from interlock_projector.beside import Beside
from interlock_projector.clock import SystemClock
from interlock_projector.contend import ClusterProjector, Contest, LeaseTimes, Ownership
from interlock_projector.heal import Healer
from interlock_projector.health import Health
from interlock_projector.run import Projector
from interlock_projector.standby import Standby
from interlock_runtime.health import HealthApp, metrics_text
from interlock_testing.clock import FakeClock
from interlock_testing.contracts.samples import decision, one
from interlock_testing.waiting import until
from interlock_views.adapters.memory import MemoryLeases, MemoryViews
from interlock_views.lease import Lease
from tests.services.facts import Worker
from tests.services.interlock_projector.rig import NAME, declare
from tests.services.stores import Stores, folded

QUICK = LeaseTimes(ttl_s=30.0, renew_s=0.01, try_s=0.01)


class Away(Exception):
    """A store that cannot be reached."""


class FlakyLog:
    """The log of the cell, and how it fails for one process."""

    async def position_at(self, recorded_ms):
        return await self._log.position_at(recorded_ms)

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self.fails: Exception | None = None
        self.fails_once: Exception | None = None

    async def read(self, *, after, limit, stream=None):
        self._check()
        return await self._log.read(after=after, limit=limit, stream=stream)

    async def publish(self, stream, facts):
        self._check()
        return await self._log.publish(stream, facts)

    async def head(self):
        self._check()
        return await self._log.head()

    async def wait(self, after, timeout_s):
        return await self._log.wait(after, timeout_s)

    def _check(self) -> None:
        once, self.fails_once = self.fails_once, None
        for error in (once, self.fails):
            if error is not None:
                raise error


class Cell:
    """Stores that several projectors share; `clock` is the lease keeper's."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.stores = Stores("memory", folder, self.clock.wall_ms)
        assert isinstance(self.stores.views, MemoryViews)
        assert isinstance(self.stores.log, MemoryEventLog)
        self.views = self.stores.views
        self.log = self.stores.log
        self.leases = MemoryLeases(self.clock.monotonic, self.views)

    def member(self, owner: str) -> "Member":
        return Member(self, owner)

    async def views_equal_the_fold(self) -> bool:
        table = await self.views.load(NAME)
        state = await folded(self.log)
        return table.position == state.position and table.rows == all_rows(state)


class Member:
    """One process of the cell."""

    def __init__(self, cell: Cell, owner: str) -> None:
        self.log = FlakyLog(cell.log)
        self.made: list[Projector] = []
        self._cell = cell
        self.projector = ClusterProjector(
            Contest(
                projection=NAME,
                owner=owner,
                log=self.log,
                views=cell.views,
                leases=cell.leases,
                clock=SystemClock(),
                owns=self._owns,
                away=(Away,),
                times=QUICK,
            )
        )

    async def _owns(self, lease: Lease) -> Ownership:
        projector = Projector(
            self.log,
            self._cell.views,
            self._cell.stores.feed,
            clock=SystemClock(),
            projection=NAME,
            beside=Beside(away=(Away,), stands_by=True),
        )
        self.made.append(projector)
        return Ownership(projector=projector)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ClusterProjector]:
        task = asyncio.create_task(self.projector.run())
        try:
            yield self.projector
        finally:
            self.projector.stop()
            await asyncio.wait_for(task, 20)


@pytest.fixture
def cell(tmp_path) -> Cell:
    return Cell(tmp_path)


async def owns(projector: ClusterProjector) -> None:
    """It owns, and its start is over: that ends with a publication."""
    await until(
        lambda: projector.owning and projector.ready and projector.status().published,
        timeout_s=20,
        what="the ownership",
    )


async def test_of_two_one_owns_and_the_other_follows_the_committed_position(cell):
    async with cell.member("a").running() as first:
        await owns(first)
        async with cell.member("b").running() as second:
            await declare(cell.stores)
            at = await cell.log.publish("gateway/gw-1", [Worker().report()])
            await until(
                lambda: second.ready and second.status().position >= at,
                timeout_s=20,
                what="the standby to follow",
            )
            assert not second.owning
            assert first.status().epoch == 1
            await until(cell.views_equal_the_fold, timeout_s=20, what="views equal to the fold")


async def test_an_owner_that_stops_hands_over_at_once_though_its_lease_would_last(cell):
    async with cell.member("b").running() as second:
        async with cell.member("a").running() as first:
            await until(lambda: first.owning or second.owning, timeout_s=20, what="an owner")
            stopped, other = (first, second) if first.owning else (second, first)
            await owns(stopped)
            stopped.stop()
            await owns(other)
            assert other.status().epoch == 2


async def test_an_owner_whose_lease_ran_out_writes_nothing_more_and_stands_by_again(cell):
    member = cell.member("a")
    async with member.running() as first:
        await owns(first)
        later = await _taken(cell)
        await until(lambda: not first.owning, timeout_s=20, what="the fenced owner to stand by")
        table, feed = await cell.views.load(NAME), await anext(cell.stores.feed.tail())
        await declare(cell.stores)
        await until(lambda: first.ready, timeout_s=20, what="the standby to be warm again")
        assert await cell.views.load(NAME) == table
        assert await anext(cell.stores.feed.tail()) == feed
        await cell.leases.release(later)
        await owns(first)
        assert first.status().epoch == later.epoch + 1
        await until(cell.views_equal_the_fold, timeout_s=20, what="views equal to the fold")
    assert len(member.made) == 2


async def test_a_log_that_is_away_is_told_once_and_nothing_ends(cell, caplog):
    member = cell.member("a")
    async with member.running() as projector:
        await owns(projector)
        with caplog.at_level(logging.INFO):
            member.log.fails = Away("Kafka is away: start it.")
            await until(lambda: projector.status().halted, timeout_s=20, what="the trouble to show")
            assert not projector.ready
            await asyncio.sleep(0)
            member.log.fails = None
            await until(lambda: projector.ready, timeout_s=20, what="the projector to go on")
        assert len([r for r in caplog.records if "Kafka is away" in r.getMessage()]) == 1
        assert not [r for r in caplog.records if r.exc_info]
        await declare(cell.stores)
        await until(cell.views_equal_the_fold, timeout_s=20, what="views equal to the fold")


async def test_a_standby_that_starts_without_its_stores_waits_for_them(cell):
    member = cell.member("a")
    member.log.fails = Away("Kafka is away: start it.")
    async with member.running() as projector:
        await until(lambda: projector.status().trouble, timeout_s=20, what="the trouble to show")
        assert not projector.ready
        member.log.fails = None
        await owns(projector)


async def test_a_mistake_of_ours_gives_the_lease_to_another_process(cell, caplog):
    broken = cell.member("a")
    async with broken.running() as first:
        await owns(first)
        async with cell.member("b").running() as second:
            await until(lambda: second.ready, timeout_s=20, what="a standby")
            broken.log.fails_once = ZeroDivisionError("made up")
            await owns(second)
            assert not first.owning
            assert "mistake of ours" in (first.status().halted or "")
    assert len([r for r in caplog.records if r.exc_info]) == 1


async def test_a_decision_of_a_newer_version_leaves_the_projection_to_whoever_reads_it(cell):
    old = cell.member("old")
    old.log.fails = UnreadableDecision("the decision at position 1 cannot be read")
    async with old.running() as first:
        await until(lambda: not first.ready, timeout_s=20, what="the old one to refuse")
        async with cell.member("new").running() as second:
            await owns(second)
            assert not first.owning


async def test_a_take_over_goes_on_from_the_state_that_the_standby_kept_warm(cell):
    await declare(cell.stores)
    worker = Worker()
    async with cell.member("a").running() as first:
        await owns(first)
        await cell.log.publish(worker.stream, [worker.report(), *(worker.failed() for _ in range(6))])
        await until(cell.views_equal_the_fold, timeout_s=20, what="views equal to the fold")
        standby = Standby(cell.log, cell.views, SystemClock(), projection=NAME)
        await standby.follow()
    warm = standby.hand_over()
    assert warm is not None
    state = await folded(cell.log, to=warm.state.position)
    assert state_digest(warm.state) == state_digest(state)
    assert standby.position == 0


class Republished:
    """A journal and its outbox over the memory log; remembers what was to be sent again."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self.asked: list[tuple[str, int]] = []

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def publish_again(self, stream: str, version: int) -> int:
        self.asked.append((stream, version))
        return 1


async def test_a_gap_is_asked_for_from_the_beginning_of_its_batch_once_and_again_after_a_while(cell):
    await cell.log.append([one("config", 0, decision("a")), one("policy", 0, decision("b"))])
    await cell.log.append(
        [one("config", 1, decision("c", ProviderRemoved(provider="q")), decision("d"), decision("e"))]
    )
    from interlock_domain.projection.state import Gap

    journal = Republished(cell.log)
    healer = Healer(journal, journal)
    gap = Gap(stream="config", expected=4, got=5)
    for now in (0.0, 5.0, 11.0):
        await healer.look(gap, now)
    assert journal.asked == [("config", 2), ("config", 2)]
    await healer.look(None, 12.0)
    await healer.look(Gap(stream="policy", expected=1, got=2), 12.0)
    assert journal.asked[2:] == [("config", 1)]
    await healer.look(Gap(stream="missing", expected=7, got=8), 12.0)
    assert journal.asked[3:] == [("missing", 7)]


async def test_health_says_who_it_is_and_what_it_waits_for(cell):
    async def answer(path: str) -> tuple[int, str]:
        sent: list[dict[str, object]] = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        await HealthApp(Health(member.projector))(
            {"type": "http", "method": "GET", "path": path}, receive, send
        )
        body = sent[1]["body"]
        assert isinstance(body, bytes)
        status = sent[0]["status"]
        assert isinstance(status, int)
        return status, body.decode()

    member = cell.member("a")
    assert await answer("/healthz") == (200, "ok\n")
    assert (await answer("/readyz"))[0] == 503
    async with member.running() as projector:
        await owns(projector)
        assert (await answer("/readyz"))[1].startswith(f"owner of {NAME} at position")
        assert "interlock_projector_owner 1\n" in metrics_text(Health(projector).metrics())
        member.log.fails = Away("Kafka is away: start it.")
        await until(lambda: not projector.ready, timeout_s=20, what="the trouble to show")
        status, text = await answer("/readyz")
        assert (status, "Kafka is away" in text) == (503, True)
        member.log.fails = None
    assert (await answer("/other"))[0] == 404


async def _taken(cell: Cell) -> Lease:
    """Another process gets the lease once the owner's has run out, as after a long pause of the owner."""

    async def asked() -> Lease | None:
        cell.clock.advance(QUICK.ttl_s + 1)
        return await cell.leases.acquire(NAME, "other", 1e6)

    lease = await until(asked, timeout_s=20, what="the lease")
    assert isinstance(lease, Lease)
    return lease
