"""One projector over real Kafka and PostgreSQL: what it writes, publishes and heals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import text

from interlock_domain.projection.effects import Effect
from interlock_domain.rows import CLUSTER_KEY, ClusterRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_feed.feed import FeedUpdate
from interlock_projector.bootstrap import cluster_projector
from interlock_projector.contend import ClusterProjector, LeaseTimes
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import transaction
from interlock_testing.waiting import until
from tests.services.facts import CONFIG
from tests.services.interlock_projector.cell import NAME, PATIENCE_S, Cell, opened_cell

pytestmark = pytest.mark.cluster


@pytest.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    async with opened_cell(kafka.bootstrap, topics, database_url) as opened:
        yield opened


@asynccontextmanager
async def running(
    cell: Cell, times: LeaseTimes | None = None, *, projection: str | None = None
) -> AsyncIterator[ClusterProjector]:
    async with cluster_projector(cell.settings, times=times, projection=projection) as projector:
        task = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            projector.stop()
            await asyncio.wait_for(task, PATIENCE_S)


async def owning(projector: ClusterProjector) -> None:
    """It owns, and its start is over: that ends with a publication."""
    await until(
        lambda: projector.owning and projector.ready and projector.status().published,
        timeout_s=PATIENCE_S,
        what="the ownership",
    )


async def published(cell: Cell, position: int) -> FeedUpdate:
    """What a new reader of the feed gets, once it is of a position or beyond."""
    feed = KafkaFeed(cell.connection, cell.topics, send_s=30.0)
    rows: dict[str, bytes | None] = {}
    try:
        async with asyncio.timeout(PATIENCE_S), aclosing(cast("Any", feed.tail())) as updates:
            async for update in updates:
                rows |= update.rows
                if update.commit.position >= position:
                    return FeedUpdate(commit=update.commit, rows=rows, whole=True)
    finally:
        await feed.close()
    raise AssertionError("the feed ended")


async def test_views_equal_the_fold_and_the_feed_says_the_same(cell):
    async with running(cell) as projector:
        await cell.declared()
        at = await cell.outage()
        table = await cell.committed(at)
        update = await published(cell, at)
        assert "target/atlas/large" in table.rows
        await owning(projector)
    rows = {key: row for key, row in update.rows.items() if row is not None}
    assert isinstance(compile_snapshot(rows, update.commit), Snapshot)
    assert len(msgspec.json.decode(rows[CLUSTER_KEY], type=ClusterRow).key) == 32
    await cell.views_equal_the_fold()
    assert await cell.views.checkpoint(NAME) is not None
    assert (await cell.row()).owner is None


async def test_effects_stand_on_the_transitions_topic_in_order_and_once_each(cell):
    async with running(cell):
        await cell.declared()
        at = await cell.outage()
        await cell.committed(at)
        told = list(await cell.views.transitions())
        assert told

        async def all_marked() -> bool:
            async with transaction(cell.engine) as connection:
                sql = text("SELECT count(*) FROM transition WHERE NOT published")
                return not (await connection.execute(sql)).scalar_one()

        await until(all_marked, timeout_s=PATIENCE_S, what="every effect to be published")
    records = [record for p in range(3) for record in await cell.topic(cell.topics.transitions, p)]
    ids = {dict(record.headers)["id"] for record in records}
    # What the last commit observed, at the stop, nobody has told yet.
    assert ids >= {_id(one) for one in told}
    assert ids <= {_id(one) for one in await cell.views.transitions()}
    assert len(ids) == len(records)
    for partition in range(3):
        effects = [
            msgspec.json.decode(record.value or b"", type=Effect)
            for record in await cell.topic(cell.topics.transitions, partition)
        ]
        assert [(one.position, one.n) for one in effects] == sorted((one.position, one.n) for one in effects)


def _id(effect: Effect) -> bytes:
    return f"{NAME}:{effect.position}:{effect.n}".encode()


async def test_a_decision_that_the_log_misses_comes_again_through_the_log(cell):
    async with running(cell) as projector:
        await owning(projector)
        await cell.declared()
        await _lose(cell)
        smaller = {**CONFIG, "pools": {"chat": ["atlas/large"], "other": ["breeze/org/large"]}}
        head = await cell.declared(smaller)

        async def healed() -> bool:
            state, _ = projector._owning.current() if projector._owning else (None, 0)
            return (
                state is not None
                and state.gap is None
                and state.position > head
                and len(state.catalog.pools["chat"].members) == 1
            )

        await until(healed, timeout_s=PATIENCE_S, what="the gap to be closed")
    await cell.views_equal_the_fold()


async def test_records_that_nobody_can_read_are_kept_and_the_rest_is_folded(cell):
    sender = KafkaSender(cell.connection, client_id="stranger", timeout_s=PATIENCE_S)
    poison = [OutRecord(key=b"gateway/gw-1", value=value) for value in (b"{no json", None, b"\xff\xfe")]
    async with running(cell):
        await cell.declared()
        await sender.send(cell.topics.events, poison)
        at = await cell.outage()
        await cell.committed(at)
    await sender.close()
    async with transaction(cell.engine) as connection:
        found = (await connection.execute(text("SELECT * FROM dead_letter ORDER BY log_offset"))).all()
    assert [(row.value, row.state) for row in found] == [(record.value, "waiting") for record in poison], (
        found
    )
    await cell.views_equal_the_fold()


async def test_a_former_owner_that_never_heard_of_it_can_commit_nothing(cell):
    """It renews too seldom to notice, and its successor has not moved the position: the epoch guards."""
    never = LeaseTimes(ttl_s=0.5, renew_s=3600.0)
    async with running(cell, never) as projector:
        await cell.declared()
        await cell.committed(await cell.outage())
        await owning(projector)
        former = projector.status().epoch
        later = await until(
            lambda: cell.leases.acquire(NAME, "test:0:successor", 3600.0),
            timeout_s=PATIENCE_S,
            what="the lease to run out",
        )
        before = await cell.written()
        await cell.outage()
        await until(lambda: not projector.owning, timeout_s=PATIENCE_S, what="the commit to be refused")
        assert await cell.written() == before
        assert later.epoch == former + 1
        await cell.leases.release(later)
        await owning(projector)
        await cell.committed(await cell.log.head())
    await cell.views_equal_the_fold()


async def _lose(cell: Cell) -> None:
    """A decision that the relay believes to have sent."""
    async with transaction(cell.engine) as connection:
        await connection.execute(
            text(
                "CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "NEW.log_position := 1; NEW.log_ms := 1; NEW.log_generation := 1; RETURN NEW; END $$"
            )
        )
        await connection.execute(
            text("CREATE TRIGGER lost BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION lost()")
        )
    more = {**CONFIG, "pools": {"chat": ["breeze/org/large"], "other": ["breeze/org/large"]}}
    await cell.declare(more)
    async with transaction(cell.engine) as connection:
        await connection.execute(text("DROP TRIGGER lost ON journal"))
