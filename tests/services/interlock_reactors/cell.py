"""A cell as reactors see it: topics that tests write to, a journal with webhooks, the database behind."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import text

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.projection.effects import Effect
from interlock_domain.rows import CommitRow
from interlock_domain.words import EffectKind
from interlock_reactors.bootstrap import cluster_reactors
from interlock_reactors.reactors import Reactors
from interlock_reactors.stale import STALE_S
from interlock_records.adapters.sql import SqlRequestRecords
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import transaction
from interlock_testing.contracts.records import record
from interlock_testing.waiting import until
from tests.services.facts import CONFIG
from tests.services.interlock_projector.cell import Cell as Ground
from tests.services.interlock_reactors.hook import SECRET

PATIENCE_S = 60.0
"""For anything: a killed member of a group is missed after 6 s, and the machine may be busy."""
ENVIRONMENT = {"HOOK": SECRET}


class Cell(Ground):
    """The ground of a cell, a sender of records, and what the reactors left."""

    def __init__(self, bootstrap: tuple[str, ...], topics: Topics, url: str) -> None:
        super().__init__(bootstrap, topics, url)
        self.sender = KafkaSender(self.connection, client_id="test", timeout_s=20.0)
        self.records = SqlRequestRecords(self.engine)

    async def alert(self, *alerts: dict[str, Any]) -> int:
        """Declare webhooks; where the log holds the decision."""
        async with self.relaying():
            return await self.declared({**CONFIG, "alerts": list(alerts)})

    async def observe(self, *effects: Effect) -> list[SentRecord]:
        """Effects on the transitions topic, as the projector sends them."""
        return await self.sender.send(self.topics.transitions, [told(one) for one in effects])

    async def feed(self, commit: CommitRow) -> None:
        """A commit of the projector."""
        await self.sender.send(
            self.topics.state, [OutRecord(key=b"_commit", value=msgspec.json.encode(commit))]
        )

    async def letters(self) -> list[tuple[str, str, int]]:
        """(consumer, reason, offset) of every dead letter, in their order."""
        sql = "SELECT consumer, reason, log_offset FROM dead_letter ORDER BY id"
        async with transaction(self.engine) as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(text(sql))]

    async def kept(self) -> list[str]:
        """The ids of the request records in the database."""
        return [one.request_id async for one in self.records.scan()]

    async def shut(self) -> None:
        """Let go of everything."""
        await self.sender.close()
        await self.log.close()
        await self.journal.close()
        await self.engine.dispose()


def told(effect: Effect) -> OutRecord:
    """An effect as the projector sends it."""
    return OutRecord(
        key=effect.subject.encode(),
        value=msgspec.json.encode(effect),
        headers=(("id", f"routing-1:{effect.position}:{effect.n}".encode()),),
        partition=None,
    )


def opened(position: int, *, kind: EffectKind = EffectKind.COOLDOWN_OPENED, n: int = 0) -> Effect:
    """An observation of one target, so that all of them share a partition."""
    return Effect(
        kind=kind, subject="target/atlas/large", position=position, n=n, at_ms=position, shape="text"
    )


def batch(records: Sequence[RequestRecord], *, partition: int | None = None) -> OutRecord:
    """A batch as a gateway sends it."""
    return OutRecord(
        key=records[0].gateway.encode(),
        value=msgspec.json.encode(records),
        headers=(("ce_type", b"RequestsRecorded"),),
        partition=partition,
    )


def numbered(first: int, count: int) -> list[RequestRecord]:
    """Records n, n+1, .."""
    return [record(n) for n in range(first, first + count)]


@asynccontextmanager
async def reacting(cell: Cell, *, stale_s: float = STALE_S) -> AsyncIterator[Reactors]:
    """Reactors in this process, reading everything."""
    async with cluster_reactors(cell.settings, environment=ENVIRONMENT, stale_s=stale_s) as reactors:
        running = asyncio.create_task(reactors.run())
        try:
            await until(lambda: not reactors.troubles(), timeout_s=PATIENCE_S, what="every topic to be read")
            yield reactors
        finally:
            reactors.stop()
            await running
