"""Owners that are stopped between two of their steps: after a commit and before its publication, and inside
a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest
from sqlalchemy import text

from interlock_domain.catalog.commands import SetCooldown
from interlock_domain.digest import table_digest
from interlock_domain.projection.rows import all_rows
from interlock_domain.rows import CLUSTER_KEY
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_feed.feed import FeedUpdate
from interlock_runtime.postgres import transaction
from interlock_testing.waiting import until
from tests.libs.interlock_feed.adapters.topic import raw
from tests.services.interlock_projector.cell import (
    NAME,
    PATIENCE_S,
    Cell,
    opened_cell,
    pid_of,
    projector_process,
    torn_process,
)
from tests.services.stores import folded

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

ROW = "target/atlas/large"
COMPACTION_S = 90.0
"""A cleaner on a busy machine comes by when it can, every 15 s at most."""


@pytest.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    async with opened_cell(kafka.bootstrap, topics, database_url) as opened:
        yield opened


async def test_what_an_owner_had_committed_and_publishes_after_its_successor_is_read_by_nobody(
    cell, tmp_path
):
    """Its rows reach the topic last, so compaction keeps them, unless the successor says its own again."""
    marker = tmp_path / "stop"
    zombie = torn_process(cell, tmp_path, marker)
    successor = projector_process(cell, tmp_path, "successor")
    zombie.spawn()
    try:
        await cell.declared()
        before = await cell.outage(1)
        await cell.committed(before)
        await published(cell, before)  # else it would be these rows that it stops before
        row = await cell.row()
        assert pid_of(row.owner) == zombie.pid
        marker.touch()
        at = await cell.outage(1)
        await until(marker.with_suffix(".stopped").exists, timeout_s=PATIENCE_S, what="the owner to stop")
        assert (await cell.views.load(NAME)).position >= at, "it had committed"

        successor.spawn()
        await cell.owned(beyond=row.epoch)
        # A rest of hours: a row that the zombie's cannot be like, and that time does not change.
        rest = SetCooldown(target="atlas/large", duration_ms=4 * 3_600_000)
        later = await cell.logged(await cell.decide(rest))
        await cell.committed(later)
        zombie.go_on()
        await until(marker.with_suffix(".published").exists, timeout_s=PATIENCE_S, what="its publication")
        assert str(row.epoch) in {
            epoch for key, _, epoch in await raw(cell.connection, cell.topics) if key == ROW
        }

        async def compacted() -> bool:
            left = [epoch for key, _, epoch in await raw(cell.connection, cell.topics) if key == ROW]
            return len(left) == 1 and int(left[0]) > row.epoch

        await until(compacted, timeout_s=COMPACTION_S, what="a compaction that keeps the successor's row")
        await equal_to_the_fold(cell, await bootstrapped(cell, later))
        assert zombie.running
        assert successor.running
        await cell.views_equal_the_fold()
    finally:
        for process in (zombie, successor):
            process.go_on()
            process.kill()


async def published(cell: Cell, position: int) -> None:
    """Until the feed says a position or a later one."""
    feed = KafkaFeed(cell.connection, cell.topics, send_s=30.0)
    try:
        async with asyncio.timeout(PATIENCE_S), aclosing(cast("Any", feed.tail())) as updates:
            async for update in updates:
                if update.commit.position >= position:
                    return
    finally:
        await feed.close()
    raise AssertionError("the feed ended")


async def bootstrapped(cell: Cell, position: int) -> FeedUpdate:
    """The first thing that a new gateway believes."""
    feed = KafkaFeed(cell.connection, cell.topics, send_s=30.0)
    try:
        async with aclosing(cast("Any", feed.tail())) as updates:
            update: FeedUpdate = await anext(updates)
    finally:
        await feed.close()
    assert update.whole
    assert update.commit.position >= position
    return update


async def equal_to_the_fold(cell: Cell, update: FeedUpdate) -> None:
    rows = {key: row for key, row in update.rows.items() if row is not None and key != CLUSTER_KEY}
    state = await folded(cell.log, to=update.commit.position)
    assert rows == all_rows(state)
    assert update.commit.digest == table_digest(rows)


async def test_an_owner_that_is_killed_inside_its_commit_leaves_all_of_it_or_nothing(cell, tmp_path):
    """The commit waits for a lock of ours while its process dies; what the server then does is its choice."""
    owner = projector_process(cell, tmp_path, "owner")
    successor = projector_process(cell, tmp_path, "successor")
    owner.spawn()
    try:
        await cell.declared()
        await cell.committed(await cell.outage(1))
        row = await cell.owned()
        async with transaction(cell.engine) as held:
            await held.execute(text("SELECT 1 FROM projection FOR UPDATE"))
            at = await cell.outage(6)
            await until(lambda: _waits(cell), timeout_s=PATIENCE_S, what="a commit that waits for the lock")
            owner.kill()
        successor.spawn()
        assert pid_of((await cell.owned(beyond=row.epoch)).owner) == successor.pid
        await cell.committed(at)
        await cell.views_equal_the_fold()
        later = await cell.outage(1)
        await cell.committed(later)
        await cell.views_equal_the_fold()
        told = [(one.position, one.n) for one in await cell.views.transitions()]
        assert len(told) == len(set(told)) > 0
        assert "differed from the fold" not in successor.log()
        assert "Traceback" not in successor.log()
    finally:
        for process in (owner, successor):
            process.kill()


async def _waits(cell: Cell) -> bool:
    sql = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND query LIKE 'WITH%moved AS%'"
    )
    async with transaction(cell.engine) as connection:
        return bool(await connection.scalar(sql))
