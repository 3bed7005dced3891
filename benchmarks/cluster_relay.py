"""What a decision costs in a cluster: journal, relay and log on one machine, real PostgreSQL and real Kafka.

One process holds writers and relay, the servers run beside it. A server that is started for this run does not
sync to disk (`fsync` in the report): give one with INTERLOCK_TEST_DATABASE_URL to measure a disk.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from benchmarks.report import table, verdict, write
from interlock_domain.events import ProviderRemoved
from interlock_domain.recorded import NewEvent
from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.relay import RELAY_LOCK, Relay
from interlock_eventlog.log import Appended, StreamAppend
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.kafka.connection import KafkaConnection
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    Missing,
    find_kafka,
    find_postgres,
    running_kafka,
    running_postgres,
)
from interlock_testing.waiting import until

WRITERS = 16
GOAL_COMMANDS = 1_000.0
"""A second, for the journal and for the relay: a hundred times what operators and config need."""
GOAL_LATENCY_MS = 5.0
"""From the journal's commit to the brokers' acknowledgement, at the median."""
PATIENCE_S = 120.0


class TimedSender(KafkaSender):
    """Knows when the brokers acknowledged last."""

    acknowledged = 0.0

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        """See KafkaSender."""
        sent = await super().send(topic, records)
        self.acknowledged = time.perf_counter()
        return sent


class Cell:
    """A journal with its relay, over servers of one's own."""

    def __init__(self, journal: PostgresJournal, sender: TimedSender, relay: Relay, fsync: str) -> None:
        self.journal = journal
        self.sender = sender
        self.relay = relay
        self.fsync = fsync
        self.appended = 0

    async def append(self, stream: str, version: int) -> int:
        """One command's decision; its journal position."""
        self.appended += 1
        new = NewEvent(id=f"d{self.appended}", event=ProviderRemoved(provider="p"), actor="bench")
        answer = await self.journal.append(
            [StreamAppend(stream=stream, expected_version=version, events=(new,))]
        )
        assert isinstance(answer, Appended), answer
        return answer.position

    @asynccontextmanager
    async def relayed(self) -> AsyncIterator[None]:
        """While the relay runs and is active."""
        task = asyncio.create_task(self.relay.run())
        try:
            await until(lambda: self.relay.status().active, what="the relay to be active")
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def opened() -> AsyncIterator[Cell]:
    """Servers, topics and a database for this run; a missing server ends the program with a sentence."""
    found = find_kafka(service_settings()), find_postgres(service_settings())
    kafka, postgres = found
    if isinstance(kafka, Missing):
        sys.exit(kafka.line)
    if isinstance(postgres, Missing):
        sys.exit(postgres.line)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        brokers = await stack.enter_async_context(running_kafka(kafka, folder))
        server = await stack.enter_async_context(running_postgres(postgres))
        topics = fresh_topics()
        await create_topics(brokers.bootstrap, topics)
        engine = open_postgres(await stack.enter_async_context(server.database()))
        stack.push_async_callback(engine.dispose)
        async with transaction(engine) as connection:
            fsync = str(await connection.scalar(text("SHOW fsync")))
        journal = PostgresJournal(engine)
        stack.push_async_callback(journal.close)
        sender = TimedSender(KafkaConnection(bootstrap=brokers.bootstrap), client_id="bench-relay")
        stack.push_async_callback(sender.close)
        lock = AdvisoryLock(engine, RELAY_LOCK)
        relay = Relay(journal, sender, topics=topics, lock=lock, generation=1)
        yield Cell(journal, sender, relay, fsync)


async def each(number: int, one: Callable[[int], Awaitable[None]]) -> float:
    """How many a second, by WRITERS writers that each do one after another."""

    async def write(writer: int) -> None:
        for _ in range(number // WRITERS):
            await one(writer)

    begun = time.perf_counter()
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    return number / (time.perf_counter() - begun)


async def placed(cell: Cell, position: int) -> None:
    """Until the log holds it."""
    assert await cell.journal.log_position(position, PATIENCE_S) is not None


async def measure(number: int) -> tuple[dict[str, float], str]:
    """The figures, and whether the database synced to disk."""
    async with opened() as cell:
        versions: dict[str, int] = {}

        async def append(writer: int) -> int:
            stream = f"pool/{writer}"
            versions[stream] = versions.get(stream, 0) + 1
            return await cell.append(stream, versions[stream] - 1)

        async def journalled(writer: int) -> None:
            await append(writer)

        async def logged(writer: int) -> None:
            await placed(cell, await append(writer))

        await each(WRITERS * 10, journalled)
        appends = await each(number, journalled)
        backlog = await cell.journal.head()
        begun = time.perf_counter()
        async with cell.relayed():
            await placed(cell, backlog)
            drained = backlog / (time.perf_counter() - begun)
            waits: list[float] = []
            acks: list[float] = []
            for _ in range(200):
                position = await append(0)
                committed = time.perf_counter()
                await placed(cell, position)
                waits.append((time.perf_counter() - committed) * 1000)
                acks.append((cell.sender.acknowledged - committed) * 1000)
            commands = await each(number, logged)
    return {
        "appends_per_s": appends,
        "relayed_per_s": drained,
        "commands_per_s": commands,
        "acknowledged_p50_ms": statistics.median(acks),
        "acknowledged_p99_ms": statistics.quantiles(acks, n=100)[98],
        "placed_p50_ms": statistics.median(waits),
        "placed_p99_ms": statistics.quantiles(waits, n=100)[98],
    }, cell.fsync


def main() -> None:
    """Print the table and write reports/bench-cluster-relay.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--commands", type=int, default=20_000)
    wanted.add_argument("--quick", action="store_true", help="fewer commands; writes no report")
    args = wanted.parse_args()
    number = 1_600 if args.quick else args.commands
    figures, fsync = asyncio.run(measure(number))
    appends, relayed = figures["appends_per_s"], figures["relayed_per_s"]
    commands, p50 = figures["commands_per_s"], figures["acknowledged_p50_ms"]
    lines = [
        (
            "commands/s relayed from a backlog",
            f"{relayed:,.0f}",
            verdict(relayed, GOAL_COMMANDS, at_least=True),
        ),
        (
            f"commands/s to the journal, {WRITERS} writers",
            f"{appends:,.0f}",
            verdict(appends, GOAL_COMMANDS, at_least=True),
        ),
        (f"commands/s, {WRITERS} writers that wait for the log", f"{commands:,.0f}", "-"),
        ("commit to acknowledged by Kafka, p50 ms", f"{p50:.1f}", verdict(p50, GOAL_LATENCY_MS)),
        ("commit to acknowledged by Kafka, p99 ms", f"{figures['acknowledged_p99_ms']:.1f}", "-"),
        ("commit to its place known, p50 ms", f"{figures['placed_p50_ms']:.1f}", "-"),
        ("commit to its place known, p99 ms", f"{figures['placed_p99_ms']:.1f}", "-"),
    ]
    print(table((f"cluster, one machine, fsync {fsync}", "seen", "limit"), lines))
    if not args.quick:
        told = write(
            "bench-cluster-relay", {"commands": number, "writers": WRITERS, "fsync": fsync} | figures
        )
        print(told)


if __name__ == "__main__":
    main()
