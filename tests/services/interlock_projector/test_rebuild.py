"""A rebuild beside the projection in force, over stores in memory: private until the pointer names it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from interlock_domain.projection.rows import all_rows
from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.log import EventLog
from interlock_projector.beside import Beside
from interlock_projector.clock import SystemClock
from interlock_projector.compare import Comparer
from interlock_projector.contend import ClusterProjector, Contest, LeaseTimes, Ownership
from interlock_projector.halt import HaltReason
from interlock_projector.run import Projector
from interlock_projector.seed import seed
from interlock_testing.clock import FakeClock
from interlock_testing.waiting import until
from interlock_views.adapters.memory import MemoryLeases, MemoryViews
from interlock_views.lease import Lease
from interlock_views.promotion import Comparison
from interlock_views.views import Checkpoint, ViewCommit
from tests.services.facts import Worker
from tests.services.interlock_projector.rig import NAME, declare, projector, published
from tests.services.stores import Stores, folded

NEXT = "routing-2"
DEADLINE_S = 20.0


@pytest.fixture
def stores(tmp_path) -> Stores:
    return Stores("memory", tmp_path, FakeClock().wall_ms)


def views_of(stores: Stores) -> MemoryViews:
    assert isinstance(stores.views, MemoryViews)
    return stores.views


class Rebuild:
    """The second projection, and what its comparisons found."""

    def __init__(self, stores: Stores) -> None:
        self.found: list[Comparison] = []
        comparer = Comparer(views_of(stores), self._note, against=NAME, every_s=0.0)
        self.projector = Projector(
            stores.log,
            stores.views,
            stores.feed,
            clock=SystemClock(),
            projection=NEXT,
            beside=Beside(in_force=False, comparer=comparer),
        )

    async def _note(self, comparison: Comparison) -> bool:
        self.found.append(comparison)
        return True

    async def compared(self, position: int) -> Comparison:
        """The first comparison there or later."""

        def seen() -> Comparison | None:
            return next((one for one in self.found if one.position >= position), None)

        found = await until(seen, timeout_s=DEADLINE_S, what="a comparison")
        assert isinstance(found, Comparison)
        return found


@asynccontextmanager
async def at_work(*projectors: Projector) -> AsyncIterator[None]:
    for one in projectors:
        assert await one.start() is None
    tasks = [asyncio.create_task(one.run()) for one in projectors]
    try:
        yield
    finally:
        for one in projectors:
            await one.stop()
        assert await asyncio.gather(*tasks) == [None] * len(tasks)


async def test_a_rebuild_has_every_row_at_one_position_and_says_nothing_outward(stores):
    await declare(stores)
    old, rebuild, worker = projector(stores), Rebuild(stores), Worker()
    async with at_work(old, rebuild.projector):
        for _ in range(5):
            facts = [worker.report(), *(worker.failed() for _ in range(3))]
            at = await stores.log.publish(worker.stream, facts)
            found = await rebuild.compared(at)
            assert (found.against, found.differing, found.examples) == (NAME, 0, ())
            assert found.rows > 2
            rebuild.found.clear()
        epoch = old.status().epoch
    state = await folded(stores.log)
    assert (await stores.views.load(NEXT)).rows == all_rows(state)
    assert rebuild.projector.status().published == 0
    assert (await published(stores.feed)).commit.epoch == epoch
    ticks = await stores.log.read(after=0, limit=1_000, stream="clock")
    assert {tick.source.boot for tick in ticks if tick.source} == {str(epoch)}


async def test_rows_that_differ_are_counted_and_named(stores):
    await declare(stores)
    old, rebuild = projector(stores), Rebuild(stores)
    async with at_work(old, rebuild.projector):
        held = await stores.views.load(NAME)
        changed = ViewCommit(
            projection=NAME,
            epoch=old.status().epoch,
            expected_position=held.position,
            position=held.position,
            rows={"target/atlas/large": b"{}", "target/odd": b"{}"},
        )
        assert await stores.views.commit(changed)
        rebuild.found.clear()
        found = await rebuild.compared(held.position)
        assert (found.differing, found.examples) == (2, ("target/atlas/large", "target/odd"))


async def test_a_rebuild_that_is_ahead_waits_for_the_other_one_and_is_not_stopped_by_it(stores):
    """The one in force does not move at all: nothing is compared, and the rebuild goes on folding."""
    await declare(stores)
    old, rebuild, worker = projector(stores), Rebuild(stores), Worker()
    assert await old.start() is None
    async with at_work(rebuild.projector):
        stands = (await stores.views.load(NAME)).position
        at = await stores.log.publish(worker.stream, [worker.report()])

        async def committed() -> bool:
            return bool((await stores.views.load(NEXT)).position >= at)

        await until(committed, timeout_s=DEADLINE_S, what="the rebuild to go on")
        assert (await stores.views.load(NAME)).position == stands < at
        assert all(one.position <= stands for one in rebuild.found)


class Cut:
    """A log that has lost everything before a position."""

    def __init__(self, log: EventLog, begins: int) -> None:
        self._log = log
        self._begins = begins

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> list[RecordedEvent]:
        return await self._log.read(after=max(after, self._begins - 1), limit=limit, stream=stream)

    async def head(self) -> int:
        return await self._log.head()

    async def wait(self, after: int, timeout_s: float) -> bool:
        return await self._log.wait(after, timeout_s)

    async def position_at(self, recorded_ms: int) -> int:
        return await self._log.position_at(recorded_ms)

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        return await self._log.publish(stream, facts)


async def given_checkpoints(stores: Stores) -> list[Checkpoint]:
    """Of three runs, each with an outage of its own."""
    await declare(stores)
    worker, found = Worker(), []
    for _ in range(3):
        one = projector(stores)
        async with at_work(one):
            await stores.log.publish(worker.stream, [worker.report(), worker.failed(), worker.failed()])
        saved = await stores.views.checkpoint(NAME)
        assert saved is not None
        found.append(saved)
    return found


async def test_a_rebuild_of_a_log_that_lost_its_beginning_goes_on_from_the_oldest_checkpoint_that_fits(
    stores,
):
    first, second, _ = await given_checkpoints(stores)
    log, views = Cut(stores.log, first.position + 2), views_of(stores)
    lease = Lease(projection=NEXT, owner="x", epoch=await views.claim(NEXT))
    for _ in range(2):  # a second owner finds rows and leaves them
        assert await seed(log, views, lease, source=NAME) is None
        assert await views.position(NEXT) == second.position
    one = Projector(
        log, views, stores.feed, clock=SystemClock(), projection=NEXT, beside=Beside(in_force=False)
    )
    assert await one.start(epoch=lease.epoch) is None
    assert one.status().repaired == 0
    table = await views.load(NEXT)
    assert table.rows == all_rows(await folded(stores.log, to=table.position))


async def test_a_rebuild_without_a_beginning_says_what_is_missing(stores):
    saved = await given_checkpoints(stores)
    views = views_of(stores)
    lease = Lease(projection=NEXT, owner="x", epoch=await views.claim(NEXT))
    worker = Worker("gw-2")
    begins = await stores.log.publish(worker.stream, [worker.report(), worker.report()])
    assert begins == saved[-1].position + 2
    halt = await seed(Cut(stores.log, begins), views, lease, source=NAME)
    assert halt is not None
    assert halt.reason is HaltReason.NO_BEGINNING
    assert f"{NAME} has no checkpoint" in halt.sentence
    assert await views.position(NEXT) == 0


async def test_a_log_that_has_its_beginning_needs_no_seed(stores):
    await given_checkpoints(stores)
    views = views_of(stores)
    lease = Lease(projection=NEXT, owner="x", epoch=await views.claim(NEXT))
    assert await seed(stores.log, views, lease, source=NAME) is None
    assert await views.position(NEXT) == 0


class Member:
    """A process that goes by the pointer: `pointed`, look by look when several are given."""

    def __init__(self, stores: Stores, *pointed: str) -> None:
        self.pointed = list(pointed)
        self.owned: list[str] = []
        self._stores = stores
        views = views_of(stores)
        self.projector = ClusterProjector(
            Contest(
                projection=NAME,
                owner="a",
                log=stores.log,
                views=views,
                leases=MemoryLeases(FakeClock().monotonic, views),
                clock=SystemClock(),
                owns=self._owns,
                away=(),
                times=LeaseTimes(ttl_s=30.0, renew_s=0.01, try_s=0.01),
                in_force=self._in_force,
            )
        )

    async def _owns(self, lease: Lease) -> Ownership:
        self.owned.append(lease.projection)
        return Ownership(
            projector=Projector(
                self._stores.log,
                self._stores.views,
                self._stores.feed,
                clock=SystemClock(),
                projection=lease.projection,
                beside=Beside(stands_by=True),
            )
        )

    async def _in_force(self) -> str:
        return self.pointed.pop(0) if len(self.pointed) > 1 else self.pointed[0]

    async def owns(self, name: str) -> None:
        def held() -> bool:
            return self.projector.status().name == name and self.projector.owning and self.projector.ready

        await until(held, timeout_s=DEADLINE_S, what=f"the ownership of {name}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.projector.run())
        try:
            yield
        finally:
            self.projector.stop()
            await asyncio.wait_for(task, DEADLINE_S)


async def test_a_process_that_goes_by_the_pointer_changes_over_when_it_moves(stores):
    await declare(stores)
    member = Member(stores, NAME)
    async with member.running():
        await member.owns(NAME)
        member.pointed = [NEXT]
        await views_of(stores).claim(NAME)  # as a move of the pointer does
        await member.owns(NEXT)
    table = await stores.views.load(NEXT)
    assert table.rows == all_rows(await folded(stores.log, to=table.position))


async def test_a_lease_that_was_asked_for_just_before_the_pointer_moved_is_given_back(stores):
    """Else the only process would hold a projection that nobody goes by, and look at no pointer any more."""
    await declare(stores)
    member = Member(stores, NAME, NEXT)
    async with member.running():
        await member.owns(NEXT)
    assert set(member.owned) == {NEXT}
