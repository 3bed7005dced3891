"""The lazy timer: it fires after its deadline, and a deadline moved later costs no timer."""

import asyncio
from math import inf

from interlock_upstream.timeouts import LazyTimer
from tests.libs.interlock_upstream.support import until


async def test_it_fires_once_after_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    timer = LazyTimer(loop, lambda: fired.append(loop.time()))
    deadline = loop.time() + 0.05
    timer.expire_at(deadline)
    await until(lambda: bool(fired))
    assert fired[0] >= deadline - 0.002
    assert timer.deadline == inf
    await asyncio.sleep(0.1)
    assert len(fired) == 1


async def test_a_deadline_moved_later_is_kept() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    timer = LazyTimer(loop, lambda: fired.append(loop.time()))
    timer.expire_at(loop.time() + 0.02)
    later = loop.time() + 0.15
    timer.deadline = later
    await until(lambda: bool(fired))
    assert fired[0] >= later - 0.002


async def test_a_deadline_moved_earlier_is_kept() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    timer = LazyTimer(loop, lambda: fired.append(loop.time()))
    timer.expire_at(loop.time() + 3600)
    timer.expire_at(loop.time() + 0.02)
    await until(lambda: bool(fired))


async def test_a_disarmed_or_cancelled_timer_is_silent() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    disarmed = LazyTimer(loop, lambda: fired.append(1))
    disarmed.expire_at(loop.time() + 0.02)
    disarmed.deadline = inf
    cancelled = LazyTimer(loop, lambda: fired.append(2))
    cancelled.expire_at(loop.time() + 0.02)
    cancelled.cancel()
    cancelled.cancel()
    await asyncio.sleep(0.08)
    assert not fired
