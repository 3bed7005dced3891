"""The child process that folds the past: it is started late, replaced when it dies, and blocks nobody."""

import asyncio
import multiprocessing
import os
import signal

import pytest

from interlock_testing.clock import FakeClock
from interlock_testing.waiting import until
from tests.services.interlock_control.rig import PATIENCE_S, Serving, serving
from tests.services.stores import Stores


@pytest.fixture
async def filed(tmp_path):
    clock = FakeClock()
    stores = Stores("sqlite", tmp_path, clock.wall_ms)
    async with serving(stores, clock) as running:
        yield running
    await stores.close()


def children() -> list[int]:
    """The child processes of this one."""
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]


async def test_no_process_is_started_before_somebody_asks_for_the_past(filed: Serving):
    before = set(children())
    position = await filed.declare()
    await filed.get("/targets")
    assert set(children()) <= before
    await filed.get("/targets", at=position)
    assert len(set(children()) - before) == 1


async def test_a_child_that_was_killed_is_replaced(filed: Serving):
    before = set(children())
    position = await filed.declare()
    first = await filed.get("/targets", at=position)
    (pid,) = set(children()) - before
    os.kill(pid, signal.SIGKILL)
    assert await filed.get("/targets", at=position) == first
    await until(lambda: pid not in children(), timeout_s=PATIENCE_S, what="the end of the killed child")


async def test_the_child_ends_with_the_control_plane(tmp_path):
    before, clock = set(children()), FakeClock()
    stores = Stores("sqlite", tmp_path, clock.wall_ms)
    async with serving(stores, clock) as running:
        await running.get("/state", at=await running.declare())
        assert set(children()) - before
    assert set(children()) <= before
    await stores.close()


async def test_a_long_fold_of_the_past_holds_up_no_other_request(filed: Serving):
    """As long as the test likes: the child that folds stands still."""
    before = set(children())
    at = await filed.declare()
    first = await filed.get("/targets", at=at)
    (pid,) = set(children()) - before
    os.kill(pid, signal.SIGSTOP)
    try:
        asked = asyncio.create_task(filed.get("/targets", at=at))
        for _ in range(20):
            assert await filed.get("/targets")
            assert (await filed.http.get("/healthz")).status_code == 200
        assert not asked.done()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await asked == first
