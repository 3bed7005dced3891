"""Whatever is told, and however reads fall: rows equal the fold at every barrier, also over restarts."""

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock_domain.projection.checkpoint import state_digest
from interlock_testing.clock import FakeClock
from tests.services.facts import Worker
from tests.services.interlock_projector.rig import WatchedViews, declare, projector
from tests.services.stores import Stores, folded

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("failed"), st.sampled_from(["atlas/large", "breeze/org/large"])),
        st.tuples(st.just("succeeded"), st.sampled_from(["atlas/large", "breeze/org/large"])),
        st.tuples(st.just("pass"), st.floats(0, 40)),
        st.tuples(st.just("restart"), st.just(None)),
        st.tuples(st.just("catch up"), st.just(None)),
    ),
    max_size=40,
)


async def walk(steps: list[tuple[str, Any]]) -> None:
    """Tell the steps to a projector that is stopped and started where they say so."""
    clock = FakeClock()
    stores = Stores("memory", Path(), clock.wall_ms)
    views, worker = WatchedViews(stores.views, stores.log), Worker()
    await declare(stores)
    await stores.log.publish(worker.stream, [worker.report()])
    running = projector(stores, views=views)
    await running.start()
    for what, which in steps:
        if what == "pass":
            clock.advance(which)
        elif what == "restart":
            await running.stop()
            running = projector(stores, views=views)
            assert await running.start() is None
            assert running.status().repaired == 0
        elif what == "catch up":
            await running.stop()
        else:
            fact = worker.failed(which) if what == "failed" else worker.succeeded(which)
            await stores.log.publish(worker.stream, [fact])
    await running.stop()
    state, _ = running.current()
    assert state_digest(state) == state_digest(await folded(stores.log))
    assert views.barriers[-1] == await stores.log.head()


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_rows_equal_the_fold_at_every_barrier(steps):
    asyncio.run(walk(steps))
