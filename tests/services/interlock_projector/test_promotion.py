"""Blue and green over real Kafka and PostgreSQL: a rebuild, its promotion and the way back, under readers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest

from interlock_domain.projection.effects import Effect
from interlock_domain.rows import COMMIT_KEY, CommitRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_projector.bootstrap import cluster_projector
from interlock_projector.contend import ClusterProjector
from interlock_testing.waiting import until
from interlock_views.adapters.postgres_outgoing import PostgresEffects
from interlock_views.adapters.postgres_promotion import PostgresPromotions
from interlock_views.promotion import Comparison
from tests.services.facts import CONFIG
from tests.services.interlock_projector.cell import NAME, PATIENCE_S, Cell, opened_cell

pytestmark = pytest.mark.cluster

NEXT = "routing-2"


@pytest.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    async with opened_cell(kafka.bootstrap, topics, database_url) as opened:
        yield opened


@asynccontextmanager
async def running(cell: Cell, projection: str | None = None) -> AsyncIterator[ClusterProjector]:
    async with cluster_projector(cell.settings, projection=projection) as projector:
        task = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            projector.stop()
            await asyncio.wait_for(task, PATIENCE_S)


class Gateway:
    """A reader of the feed that believes what readers believe; `seen` are its versions."""

    def __init__(self, cell: Cell) -> None:
        self._feed = KafkaFeed(cell.connection, cell.topics, send_s=30.0)
        self.rows: dict[str, bytes] = {}
        self.seen: list[CommitRow] = []

    async def follow(self) -> None:
        async for update in self._feed.tail():
            if update.whole:
                self.rows.clear()
            for key, row in update.rows.items():
                if row is None:
                    self.rows.pop(key, None)
                else:
                    self.rows[key] = row
            self.seen.append(update.commit)

    @property
    def position(self) -> int:
        return self.seen[-1].position if self.seen else 0


@asynccontextmanager
async def gateway(cell: Cell) -> AsyncIterator[Gateway]:
    found = Gateway(cell)
    task = asyncio.create_task(found.follow())
    try:
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await found._feed.close()


async def compared(promotions: PostgresPromotions, position: int) -> Comparison:
    async def found() -> Comparison | None:
        other = next((one for one in await promotions.standings() if one.name == NEXT), None)
        seen = other.compared if other is not None else None
        return seen if seen is not None and seen.position >= position else None

    seen = await until(found, timeout_s=PATIENCE_S, what="a comparison")
    assert isinstance(seen, Comparison)
    return seen


async def told(cell: Cell) -> list[Effect]:
    records = [record for part in range(3) for record in await cell.topic(cell.topics.transitions, part)]
    return [msgspec.json.decode(record.value or b"", type=Effect) for record in records]


async def test_a_rebuild_is_compared_promoted_and_rolled_back_while_gateways_read_on(cell):
    promotions = PostgresPromotions(cell.engine)
    async with gateway(cell) as reader, running(cell), running(cell, NAME):
        await cell.declared()
        first = await cell.outage()
        await cell.committed(first)
        await until(lambda: _told_up_to(cell, first), timeout_s=PATIENCE_S, what="the first effects")
        await until(lambda: _marked(cell, NAME), timeout_s=PATIENCE_S, what="the first effects' marks")
        async with running(cell, NEXT) as rebuild:
            found = await compared(promotions, first)
            assert (found.against, found.differing) == (NAME, 0), found
            told_once(await told(cell))
            assert rebuild.status().name == NEXT

            assert await promotions.point_at(NEXT, instead_of=NAME)
            await _goes_on(cell, reader, NEXT)
            assert await promotions.point_at(NAME, instead_of=NEXT)
            last = await _goes_on(cell, reader, NAME)
    positions = [(one.generation, one.position) for one in reader.seen]
    assert positions == sorted(positions), "no reader went back"
    epochs = [one.epoch for one in reader.seen]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) >= 3
    await cell.views_equal_the_fold(NAME)
    await cell.views_equal_the_fold(NEXT)
    seen = told_once(await told(cell))
    # What the last commit observed, at the stop, nobody has told yet.
    happened = {(one.position, one.n) for one in await cell.views.transitions()}
    assert {one for one in happened if one[0] <= last} <= seen <= happened


def told_once(effects: list[Effect]) -> set[tuple[int, int]]:
    seen = [(one.position, one.n) for one in effects]
    assert len(seen) == len(set(seen)), "nobody was paged twice"
    return set(seen)


async def _goes_on(cell: Cell, reader: Gateway, name: str) -> int:
    """Another gateway's outage is committed, published and told by the projection in force now."""
    await cell.declared(_other(name))
    at = await cell.outage()
    await cell.committed(at, name)
    await until(lambda: reader.position >= at, timeout_s=PATIENCE_S, what="the gateway to follow")
    await until(lambda: _told_up_to(cell, at), timeout_s=PATIENCE_S, what="the effects to be told")
    await until(lambda: _marked(cell, name), timeout_s=PATIENCE_S, what="the effects to be marked as told")
    rows = {key: row for key, row in reader.rows.items() if key != COMMIT_KEY}
    assert isinstance(compile_snapshot(rows, reader.seen[-1]), Snapshot)
    return at


def _other(name: str) -> dict[str, Any]:
    """A configuration with a target of its own, so that each outage has something to cool."""
    return {**CONFIG, "pools": {"chat": ["atlas/large", "breeze/org/large", f"atlas/{name}"]}}


async def _told_up_to(cell: Cell, position: int) -> bool:
    wanted = {(one.position, one.n) for one in await cell.views.transitions() if one.position <= position}
    return wanted <= {(one.position, one.n) for one in await told(cell)}


async def _marked(cell: Cell, name: str) -> bool:
    """A pointer that moved between a telling and its mark would have it told once more."""
    return not await PostgresEffects(cell.engine).untold(name, 500)
