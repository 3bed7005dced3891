"""Waiters wake when they are rung for, and only then."""

import asyncio

from interlock_runtime.wake import Wake


async def test_a_ring_wakes_every_waiter_once():
    wake = Wake()
    waiters = [asyncio.create_task(wake.wait(20)) for _ in range(3)]
    await asyncio.sleep(0)
    wake.ring()
    assert await asyncio.gather(*waiters) == [True] * 3
    assert await wake.wait(0.001) is False


async def test_given_rings_that_change_nothing_then_until_goes_on_waiting():
    wake = Wake()
    seen: list[int] = []
    waiting = asyncio.create_task(wake.until(lambda: len(seen) == 2, 20))
    for n in range(2):
        await asyncio.sleep(0)
        assert not waiting.done()
        seen.append(n)
        wake.ring()
    assert await waiting is True


async def test_until_is_true_at_once_and_false_when_the_time_passed():
    wake = Wake()
    assert await wake.until(lambda: True, 0) is True
    assert await wake.until(lambda: False, 0.001) is False


async def test_given_a_condition_that_comes_true_as_the_time_runs_out_then_it_counts():
    wake = Wake()
    looks = iter([False, True])
    assert await wake.until(lambda: next(looks), 0.001) is True


async def test_a_cancelled_waiter_is_forgotten():
    wake = Wake()
    waiter = asyncio.create_task(wake.wait(20))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    wake.ring()
    assert waiter.cancelled()
