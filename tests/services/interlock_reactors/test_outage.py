"""Kafka away under running reactors, and reactors that share the work."""

import asyncio

import pytest

from interlock_runtime.kafka.sender import Unsent
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.waiting import until
from tests.services.interlock_reactors.cell import PATIENCE_S, Cell, batch, numbered, opened, reacting
from tests.services.interlock_reactors.hook import hook


@pytest.mark.slow
async def test_a_broker_that_freezes_is_waited_for_and_one_that_is_gone_does_not_hold_up_the_stop(
    local_kafka, database_url, tmp_path
):
    cluster = local_kafka.cluster(tmp_path)
    await cluster.start()
    topics = fresh_topics()
    await create_topics(cluster.bootstrap, topics)
    cell = Cell(cluster.bootstrap, topics, database_url)

    async def sent(position: int) -> bool:
        try:
            await cell.observe(opened(position))
            await cell.sender.send(topics.requests, [batch(numbered(position, 1))])
        except Unsent:
            return False
        return True

    async def kept(name: str) -> bool:
        return name in await cell.kept()

    try:
        async with hook() as hears:
            await cell.alert({"url": hears.url, "on": ["cooldown"]})
            async with reacting(cell) as reactors:
                assert await sent(100)
                await until(lambda: hears.heard, timeout_s=PATIENCE_S, what="the first alert")
                cluster.pause(1)
                await until(reactors.troubles, timeout_s=PATIENCE_S, what="a word about the broker")
                cluster.go_on(1)
                await until(lambda: sent(200), timeout_s=PATIENCE_S, what="the broker to take records")
                await until(
                    lambda: "routing-1:200:0" in hears.ids, timeout_s=PATIENCE_S, what="the next alert"
                )
                await until(lambda: kept("req000200"), timeout_s=PATIENCE_S, what="the next record")
                await until(lambda: not reactors.troubles(), timeout_s=PATIENCE_S, what="readiness")
                cluster.kill(1)
                await until(reactors.troubles, timeout_s=PATIENCE_S, what="a word about the broker")
            assert list(dict.fromkeys(hears.ids)) == ["routing-1:100:0", "routing-1:200:0"], "and it stopped"
    finally:
        await cell.shut()
        await cluster.stop()


@pytest.mark.slow
async def test_reactors_that_come_and_go_share_the_work_and_lose_nothing(cell: Cell):
    async with hook() as hears:
        await cell.alert({"url": hears.url, "on": ["cooldown"]})

        async def feed() -> None:
            for n in range(40):
                await cell.observe(opened(100 + n))
                await cell.sender.send(
                    cell.topics.requests, [batch(numbered(1 + 5 * n, 5), partition=n % 12)]
                )
                await asyncio.sleep(0.1)

        async with reacting(cell):
            feeding = asyncio.create_task(feed())
            async with reacting(cell):
                await until(lambda: len(hears.heard) >= 10, timeout_s=PATIENCE_S, what="some alerts")
            await feeding
            await until(lambda: len(set(hears.ids)) == 40, timeout_s=PATIENCE_S, what="every alert")

            async def complete() -> bool:
                return len(await cell.kept()) == 200

            await until(complete, timeout_s=PATIENCE_S, what="every record")
    wanted = [f"routing-1:{100 + n}:0" for n in range(40)]
    assert sorted(set(hears.ids)) == sorted(wanted)
    assert await cell.letters() == []
