"""A part that must go on: through mistakes and stray cancellations, and not beyond its own cancellation."""

import asyncio

import pytest

from interlock_runtime.kept import kept


async def test_a_part_that_a_mistake_ended_is_told_and_begins_again(caplog):
    lives = []

    async def work() -> None:
        lives.append("begun")
        if len(lives) < 3:
            raise ValueError("what nobody thought of")

    await kept(work, part="this part", rest_s=0.0)
    assert len(lives) == 3
    assert [record.exc_text is not None for record in caplog.records] == [True, True]
    assert "this part" in caplog.text


async def test_a_cancellation_that_nobody_asked_for_is_a_mistake_too(caplog):
    lives = []

    async def work() -> None:
        lives.append("begun")
        if len(lives) == 1:
            stray = asyncio.get_running_loop().create_future()
            stray.cancel()
            await stray

    await kept(work, part="this part", rest_s=0.0)
    assert len(lives) == 2
    assert "this part was cancelled by nobody" in caplog.text


async def test_a_cancellation_that_was_asked_for_ends_it():
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(kept(work, part="this part", rest_s=0.0))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
