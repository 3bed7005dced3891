"""The projector over real stores: rows equal the fold, one owner, restarts, and what becomes public."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest

from interlock_domain.catalog.commands import SetCooldown
from interlock_domain.events import ClockTicked
from interlock_domain.projection.checkpoint import state_digest
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.rows import all_rows
from interlock_domain.recorded import CLOCK_STREAM
from interlock_domain.rows import CommitRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import EffectKind
from interlock_feed.adapters.memory import MemoryFeed
from interlock_projector.clock import SystemClock
from interlock_projector.halt import HaltReason
from interlock_projector.run import Projector
from interlock_runtime.sqlite_errors import StorageFull
from interlock_testing.clock import FakeClock
from interlock_testing.waiting import until
from interlock_views.views import Checkpoint, ViewCommit
from tests.services.facts import Worker, apply_config
from tests.services.interlock_projector.rig import NAME, WatchedViews, declare, projector, published
from tests.services.stores import KINDS, Stores, folded

PATIENCE_S = 30.0
"""A tick comes each second, on a machine that may be busy."""
patient = partial(until, timeout_s=PATIENCE_S)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS)
async def stores(request, tmp_path, clock) -> AsyncIterator[Stores]:
    opened = Stores(request.param, tmp_path, clock.wall_ms)
    yield opened
    await opened.close()


async def outage(stores: Stores, worker: Worker, failures: int = 6) -> int:
    """A gateway reports itself and then failures of one target; the last position."""
    facts = [worker.report(), *(worker.failed() for _ in range(failures))]
    return await stores.log.publish(worker.stream, facts)


async def test_rows_equal_the_fold_at_every_barrier_while_it_runs(stores, clock):
    views = WatchedViews(stores.views, stores.log)
    running = projector(stores, views=views)
    await running.start()
    task = asyncio.create_task(running.run())
    worker = Worker()
    await declare(stores)
    for _ in range(5):
        at = await outage(stores, worker)
        clock.advance(7)
        assert await running.wait_position(at, PATIENCE_S)
    await running.stop()
    assert await task is None
    assert len(views.barriers) > 5
    assert (await stores.views.load(NAME)).position == await stores.log.head()


async def test_what_is_published_is_a_sound_snapshot_of_the_same_position(stores):
    running = projector(stores)
    await running.start()
    await declare(stores)
    await outage(stores, Worker())
    await running.stop()
    update = await published(stores.feed)
    rows = {key: row for key, row in update.rows.items() if row is not None}
    assert isinstance(compile_snapshot(rows, update.commit), Snapshot)
    assert update.commit.position == running.status().position == await stores.log.head()
    assert "target/atlas/large" in rows


async def test_a_configuration_larger_than_a_read_is_committed_whole(stores):
    views = WatchedViews(stores.views, stores.log)
    running = projector(stores, views=views)
    await running.start()
    many = [f"atlas/m{number}" for number in range(700)]
    raw = {
        "providers": {"atlas": {"base_url": "http://127.0.0.1:9/v1", "api_key": "none"}},
        "pools": {"all": many},
    }
    begun = await stores.log.head()
    done = await declare(stores, apply_config(raw))
    await running.stop()
    assert not [at for at in views.barriers if begun < at < done]


async def test_a_fenced_owner_stops_and_writes_nothing(stores):
    await declare(stores)
    first, second = projector(stores), projector(stores)
    await first.start()
    await second.start()
    before, shown = await stores.views.load(NAME), await published(stores.feed)
    await outage(stores, Worker())
    halt = await asyncio.wait_for(first.run(), PATIENCE_S)
    assert halt is not None
    assert halt.reason is HaltReason.FENCED
    await first.stop()
    assert await stores.views.load(NAME) == before
    assert await published(stores.feed) == shown
    assert await stores.views.checkpoint(NAME) is None


async def test_a_restart_goes_on_from_the_checkpoint_and_equals_a_refold(stores, clock):
    await declare(stores)
    worker = Worker()
    first = projector(stores)
    await first.start()
    await outage(stores, worker)
    await first.stop()
    clock.advance(20)
    await stores.log.publish(worker.stream, [worker.report(), worker.succeeded()])
    second = projector(stores)
    await second.start()
    assert second.status().checkpoint == first.status().position
    assert second.status().repaired == 0
    state, _ = second.current()
    assert state_digest(state) == state_digest(await folded(stores.log))


@pytest.mark.parametrize("change", ["schema", "bytes", "digest"])
async def test_a_checkpoint_that_cannot_be_trusted_means_folding_again(stores, change):
    await declare(stores)
    first = projector(stores)
    await first.start()
    await first.stop()
    saved = await stores.views.checkpoint(NAME)
    assert saved is not None
    fields = {name: getattr(saved, name) for name in saved.__struct_fields__}
    changes: dict[str, dict[str, Any]] = {
        "schema": {"schema": 99},
        "bytes": {"state": b"\xc1no"},
        "digest": {"digest": "0"},
    }
    await stores.views.save_checkpoint(Checkpoint(**(fields | changes[change])))
    second = projector(stores)
    assert await second.start() is None
    assert second.status().checkpoint == 0
    assert (await stores.views.load(NAME)).rows == all_rows(await folded(stores.log))


async def test_rows_that_lie_are_repaired_at_the_start_and_published(stores):
    await declare(stores)
    first = projector(stores)
    await first.start()
    await first.stop()
    position = first.status().position
    lie = {"target/atlas/large": b'{"out":1}', "pool/chat": b"{}", "catalog": None}
    epoch = await stores.views.claim(NAME)
    step = ViewCommit(projection=NAME, epoch=epoch, expected_position=position, position=position, rows=lie)
    assert await stores.views.commit(step)
    second = projector(stores)
    await second.start()
    assert second.status().repaired == 3
    rows = (await stores.views.load(NAME)).rows
    assert rows == all_rows(await folded(stores.log))
    assert (await published(stores.feed)).rows == rows


async def test_rows_committed_but_never_published_are_published_by_the_next_owner(stores):
    await declare(stores)
    worker = Worker()
    first = projector(stores)
    await first.start()
    await outage(stores, worker)
    await first.stop()
    assert "target/atlas/large" in (await published(stores.feed)).rows
    crashed = projector(stores, feed=MemoryFeed())
    await crashed.start()
    await declare(stores, SetCooldown(target="breeze/org/large", duration_ms=60_000))
    await crashed.stop()
    await projector(stores).start()
    assert (await published(stores.feed)).rows == (await stores.views.load(NAME)).rows


async def test_time_is_told_before_the_first_commit_of_an_owner(stores):
    running = projector(stores)
    await running.start()
    first = (await stores.log.read(after=0, limit=1))[0]
    assert first.stream == CLOCK_STREAM
    assert isinstance(first.event, ClockTicked)
    assert first.source is not None
    assert (first.source.gateway, first.source.boot) == ("projector", str(running.status().epoch))


async def test_an_idle_projection_lets_a_cooldown_run_out_by_ticks_alone(stores, clock):
    running = projector(stores)
    await running.start()
    task = asyncio.create_task(running.run())
    await declare(stores)
    at = await declare(stores, SetCooldown(target="atlas/large", duration_ms=5_000))
    assert await running.wait_position(at, PATIENCE_S)
    clock.advance(6)

    async def opened() -> bool:
        found = await stores.views.transitions(subject="target/atlas/large", newest=True)
        return any(effect.kind is EffectKind.PROBE_WINDOW_OPENED for effect in found)

    await patient(opened, what="a tick to pass the deadline")
    await running.stop()
    await task


async def test_listeners_hear_of_effects_that_are_durable(stores):
    heard: list[Effect] = []

    def listen(effects: Sequence[Effect]) -> None:
        heard.extend(effects)

    running = Projector(stores.log, stores.views, stores.feed, clock=SystemClock(), listeners=(listen,))
    await running.start()
    await declare(stores)
    await outage(stores, Worker())
    await running.stop()
    assert EffectKind.COOLDOWN_OPENED in {effect.kind for effect in heard}
    assert list(await stores.views.transitions()) == heard


async def test_waiting_for_a_position_that_does_not_come_ends(stores):
    running = projector(stores)
    await running.start()
    assert await running.wait_position(running.status().position, 0.01)
    assert not await running.wait_position(running.status().position + 1, 0.01)


async def test_a_quiet_feed_still_gets_commits(stores):
    commits: list[CommitRow] = []

    class CountingFeed(MemoryFeed):
        async def publish(self, commit, rows) -> None:
            commits.append(commit)
            await super().publish(commit, rows)

    running = projector(stores, feed=CountingFeed())
    await running.start()
    task = asyncio.create_task(running.run())
    await patient(lambda: len(commits) > 2, what="two commits without any change")
    await running.stop()
    await task


class FailingViews(WatchedViews):
    """Views whose commits fail as long as there is an error."""

    error: Exception | None = None

    async def commit(self, step: ViewCommit) -> bool:
        if self.error is not None:
            raise self.error
        return await super().commit(step)


async def test_what_a_full_disk_refuses_is_committed_when_there_is_room_again(stores):
    views = FailingViews(stores.views, stores.log)
    running = projector(stores, views=views)
    await running.start()
    task = asyncio.create_task(running.run())
    views.error = StorageFull("the disk is full: free some space")
    await declare(stores)
    await outage(stores, Worker())
    await patient(lambda: running.status().halted, what="the projection to say that it waits")
    assert "free some space" in str(running.status().halted)
    views.error = None
    assert await running.wait_position(await stores.log.head(), PATIENCE_S)
    await patient(lambda: running.status().halted is None, what="the projection to run again")
    await running.stop()
    assert await task is None
    opened = await stores.views.transitions(subject="target/atlas/large")
    assert EffectKind.COOLDOWN_OPENED in {effect.kind for effect in opened}


async def test_a_mistake_of_ours_makes_the_projection_stand_still_and_say_so(stores):
    views = FailingViews(stores.views, stores.log)
    running = projector(stores, views=views)
    await running.start()
    views.error = RuntimeError("impossible")
    await declare(stores)
    halt = await asyncio.wait_for(running.run(), PATIENCE_S)
    assert halt is not None
    assert (halt.reason, running.status().halted) == (HaltReason.BUG, halt.sentence)
    await running.stop()


async def test_a_store_that_fails_at_the_end_costs_the_checkpoint_and_nothing_else(stores):
    views = FailingViews(stores.views, stores.log)
    running = projector(stores, views=views)
    await running.start()
    at = await declare(stores)
    views.error = StorageFull("the disk is full")
    await running.stop()
    views.error = None
    again = projector(stores, views=views)
    await again.start()
    assert again.status().position > at


async def test_an_owner_fenced_off_while_it_starts_publishes_nothing(stores):
    await declare(stores)
    first = projector(stores)
    await first.start()
    await first.stop()
    shown = await published(stores.feed)

    class Overtaken(WatchedViews):
        async def commit(self, step: ViewCommit) -> bool:
            await stores.views.claim(step.projection)
            return await super().commit(step)

    late = projector(stores, views=Overtaken(stores.views, stores.log))
    halt = await late.start()
    assert halt is not None
    assert halt.reason is HaltReason.FENCED
    assert await published(stores.feed) == shown
