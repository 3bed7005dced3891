"""A cell on real Kafka and PostgreSQL: decisions by the journal and a relay, facts straight to the topic."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from interlock_control.commands import Accepted, Asked, CommandHandler
from interlock_control.decisions import JournalDecisions
from interlock_domain.catalog.commands import Command
from interlock_domain.projection.checkpoint import state_digest
from interlock_domain.projection.rows import all_rows
from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.kafka import KafkaEventLog
from interlock_eventlog.adapters.relay import RELAY_LOCK, Relay
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Record, TopicReader
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_runtime.postgres import open_postgres, transaction
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.services.process import ServiceProcess
from interlock_testing.waiting import until
from interlock_views.adapters.leases import PostgresLeases
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.views import ViewTable
from tests.services.facts import Worker, apply_config
from tests.services.stores import folded

NAME = "routing-1"
PATIENCE_S = 60.0
"""For anything: a lease runs out in 3 s, and the machine may be busy with everything else."""
WRITTEN = ("projection", "view", "transition", "checkpoint", "dead_letter")
"""The tables that a projector writes."""
MEMBER = "interlock.member"
"""A setting of a database session that tells processes apart."""


class Cell:
    """The parts of a cell but for its projectors."""

    def __init__(self, bootstrap: tuple[str, ...], topics: Topics, url: str) -> None:
        self.settings = RuntimeSettings(
            database_url=url, kafka_bootstrap=bootstrap, topic_prefix=topics.prefix, gateway_id="test"
        )
        self.connection = KafkaConnection.of(self.settings)
        self.topics = topics
        self.engine = open_postgres(url)
        self.journal = PostgresJournal(self.engine)
        self.log = KafkaEventLog(self.connection, topics)
        self.views = PostgresViews(self.engine)
        self.leases = PostgresLeases(self.engine)
        self.worker = Worker()

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """The relay at work."""
        sender = KafkaSender(self.connection, client_id="relay")
        lock = AdvisoryLock(self.engine, RELAY_LOCK)
        task = asyncio.create_task(
            Relay(self.journal, sender, topics=self.topics, lock=lock, generation=1).run()
        )
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await sender.close()

    async def declare(self, raw: object | None = None) -> int:
        """Apply a configuration; its position in the journal."""
        return await self.decide(apply_config() if raw is None else apply_config(raw))

    async def decide(self, command: Command) -> int:
        """Carry out a command; its position in the journal."""
        name = f"decision-{await self.journal.head()}"
        handler = CommandHandler(JournalDecisions(self.journal), lambda: name)
        answer = await handler.handle(command, Asked(actor="alice"))
        assert isinstance(answer, Accepted), answer
        return answer.position

    async def declared(self, raw: object | None = None) -> int:
        """A configuration, once the log holds it; its position there."""
        return await self.logged(await self.declare(raw))

    async def logged(self, decided: int) -> int:
        """Where the log holds a decision, once it does."""
        position = await self.journal.log_position(decided, PATIENCE_S)
        assert position
        return position

    async def outage(self, failures: int = 6) -> int:
        """A gateway reports itself and then failures of one target; the last position."""
        facts = [self.worker.report(), *(self.worker.failed() for _ in range(failures))]

        async def taken() -> int:
            try:
                return await self.log.publish(self.worker.stream, facts)
            except Unsent:  # as a gateway does that hears no answer in time; a fold drops what came twice
                return 0

        return int(await until(taken, timeout_s=PATIENCE_S, what="the facts to be taken"))

    async def row(self) -> Any:
        """The projection's row; None before anybody owned it."""
        sql = text("SELECT *, owner IS NOT NULL AND lease_until > now() AS held FROM projection")
        async with transaction(self.engine) as connection:
            return (await connection.execute(sql)).one_or_none()

    async def owned(self, *, beyond: int = 0) -> Any:
        """The row once somebody holds the lease under an epoch beyond this one, and has committed."""

        async def held() -> Any:
            found = await self.row()
            return found if found is not None and found.held and found.epoch > beyond else None

        return await until(held, timeout_s=PATIENCE_S, what="an owner")

    async def committed(self, position: int, name: str = NAME) -> ViewTable:
        """The views once they stand at a position or beyond."""

        async def reached() -> bool:
            return await self.views.position(name) >= position

        await until(reached, timeout_s=PATIENCE_S, what=f"position {position} to be committed")
        return await self.views.load(name)

    async def views_equal_the_fold(self, name: str = NAME) -> None:
        """Rows, by payload, and the newest checkpoint, by digest, are what the log says."""
        table = await self.views.load(name)
        state = await folded(self.log, to=table.position)
        assert state.position == table.position > 0
        assert table.rows == all_rows(state)
        saved = await self.views.checkpoint(name)
        if saved is not None:
            assert saved.digest == state_digest(await folded(self.log, to=saved.position))

    async def written(self) -> dict[str, list[Any]]:
        """Everything that a projector may have written, the lease left out."""
        found: dict[str, list[Any]] = {}
        async with transaction(self.engine) as connection:
            for table in WRITTEN:
                rows = await connection.execute(text(f"SELECT * FROM {table}"))
                kept = [dict(row._mapping) for row in rows]
                for row in kept:
                    row.pop("lease_until", None)
                    row.pop("owner", None)
                found[table] = sorted(kept, key=repr)
        return found

    async def topic(self, name: str, partition: int = 0) -> list[Record]:
        """All records of a partition."""
        reader = TopicReader(self.connection, name, partition=partition)
        found: list[Record] = []
        try:
            end = await reader.end()
            reader.seek(await reader.begin())
            while reader.position() < end:
                found += await reader.fetch(1000, 1.0)
        finally:
            await reader.close()
        return found

    async def close(self) -> None:
        """Let go of everything."""
        await self.journal.close()
        await self.log.close()
        await self.engine.dispose()


@asynccontextmanager
async def opened_cell(bootstrap: tuple[str, ...], topics: Topics, url: str) -> AsyncIterator[Cell]:
    """A cell with a relay at work."""
    cell = Cell(bootstrap, topics, url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(cell.close)
        await stack.enter_async_context(cell.relaying())
        yield cell


def environment(settings: RuntimeSettings, member: str) -> Mapping[str, str]:
    """What a projector process is told; the database sees its name in each session."""
    url = settings.database_url or ""
    named = f"{url}{'&' if '?' in url else '?'}{MEMBER}={member}"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONWARNINGS": "default",
        "INTERLOCK_DATABASE_URL": named,
        "INTERLOCK_KAFKA_BOOTSTRAP": ",".join(settings.kafka_bootstrap),
        "INTERLOCK_TOPIC_PREFIX": settings.topic_prefix,
    }


def projector_process(cell: Cell, folder: Path, name: str, *options: str) -> ServiceProcess:
    """`interlock serve projector` in a process of its own, not started yet."""
    return ServiceProcess(
        (sys.executable, "-m", "interlock_cli", "serve", "projector", *options),
        log_path=folder / f"{name}.log",
        env=environment(cell.settings, name),
    )


def careless_process(cell: Cell, folder: Path) -> ServiceProcess:
    """See careless.py."""
    return _of_tests(cell, folder, "careless")


def torn_process(cell: Cell, folder: Path, marker: Path) -> ServiceProcess:
    """See torn.py."""
    return _of_tests(cell, folder, "torn", str(marker))


def _of_tests(cell: Cell, folder: Path, name: str, *words: str) -> ServiceProcess:
    root = str(Path(__file__).parents[3])
    return ServiceProcess(
        (sys.executable, "-m", f"tests.services.interlock_projector.{name}", *words),
        log_path=folder / f"{name}.log",
        env={**environment(cell.settings, name), "PYTHONPATH": root},
    )


def pid_of(owner: str) -> int:
    """The process that an owner's name names."""
    return int(owner.split(":")[-2])
