"""How fast a projector of a cluster catches up: real Kafka in, views in a real PostgreSQL out, feed included.

The stream is the one of `fold.py`: 4 gateways, 1,000 targets, 1 % of attempts fail, rows of 12 attempts. One
process folds, on one core; the servers run beside it, and a server that is started for this run does not sync
to disk. `cpu` figures are of the folding process alone, `wall` ones have waited for the servers too.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.fold import GOAL_ROWS, TARGETS, decisions, outcomes
from benchmarks.report import ROOT, table, verdict, write
from benchmarks.serve import catalog
from interlock_domain.events import TargetDefined
from interlock_domain.recorded import BatchPart, NewEvent
from interlock_eventlog.codec import CODEC
from interlock_projector.bootstrap import cluster_projector
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.settings import RuntimeSettings
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

PATIENCE_S = 600.0
SEND = 2_000


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[RuntimeSettings, Topics]]:
    """Servers, topics and a database for this run; a missing server ends the program with a sentence."""
    kafka, postgres = find_kafka(service_settings()), find_postgres(service_settings())
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
        url = await stack.enter_async_context(server.database())
        settings = RuntimeSettings(
            gateway_id="bench",
            database_url=url,
            kafka_bootstrap=brokers.bootstrap,
            topic_prefix=topics.prefix,
        )
        yield settings, topics


def log_of(records: int) -> tuple[list[OutRecord], list[OutRecord], int]:
    """The catalog's records, those of outcomes, and how many rows these hold."""
    declared = decisions(catalog({"mock": "http://127.0.0.1:1/v1"}, TARGETS))
    targets = [event.target.id for _, event in declared if isinstance(event, TargetDefined)]
    size = len(declared)
    catalog_records = [
        OutRecord(
            key=stream.encode(),
            value=CODEC.encode(
                NewEvent(id=f"d{index}", event=event),
                stream,
                version=1,
                batch=BatchPart(id="b", index=index, size=size),
            ),
        )
        for index, (stream, event) in enumerate(declared)
    ]
    facts, rows = outcomes(targets, records)
    told = [OutRecord(key=stream.encode(), value=CODEC.encode(new, stream)) for stream, new in facts]
    return catalog_records, told, rows


async def send(settings: RuntimeSettings, topic: str, records: Sequence[OutRecord]) -> int:
    """All of them; the last position."""
    sender = KafkaSender(KafkaConnection.of(settings), client_id="bench-facts", timeout_s=60.0)
    try:
        end = 0
        for start in range(0, len(records), SEND):
            end = (await sender.send(topic, records[start : start + SEND]))[-1].offset + 1
        return end
    finally:
        await sender.close()


async def measure(records: int) -> dict[str, float]:
    """Catch up twice: with the catalog alone, which is the ground, then with every outcome behind it."""
    catalog_records, told, rows = log_of(records)
    async with opened() as (settings, topics):
        ground = await send(settings, topics.events, catalog_records)
        await caught_up(settings, ground)
        end = await send(settings, topics.events, told)
        cpu, wall = await caught_up(settings, end)
    return {
        "events": len(told),
        "rows": rows,
        "cpu_rows_per_s": rows / cpu,
        "cpu_events_per_s": len(told) / cpu,
        "wall_rows_per_s": rows / wall,
        "wall_events_per_s": len(told) / wall,
    }


async def caught_up(settings: RuntimeSettings, position: int) -> tuple[float, float]:
    """Seconds of this process's core, and of the clock, from the ownership to that position committed."""
    async with cluster_projector(settings) as projector:
        running = asyncio.create_task(projector.run())
        await until(lambda: projector.owning, timeout_s=PATIENCE_S, what="the ownership")
        cpu, wall = time.process_time(), time.perf_counter()
        await until(
            lambda: projector.owning and projector.status().position >= position,
            timeout_s=PATIENCE_S,
            what="the end of the log",
        )
        took = time.process_time() - cpu, time.perf_counter() - wall
        projector.stop()
        await running
        return took


def main() -> None:
    """Print the table and write reports/bench-cluster-fold.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--records", type=int, default=20_000)
    wanted.add_argument("--quick", action="store_true", help="fewer records; writes no report")
    args = wanted.parse_args()
    figures = asyncio.run(measure(1_000 if args.quick else args.records))
    rows = figures["cpu_rows_per_s"]
    lines = [
        ("outcome rows/s, one core", f"{rows:,.0f}", verdict(rows, GOAL_ROWS, at_least=True)),
        ("events/s, one core", f"{figures['cpu_events_per_s']:,.0f}", "-"),
        ("outcome rows/s by the clock, servers included", f"{figures['wall_rows_per_s']:,.0f}", "-"),
        ("events/s by the clock, servers included", f"{figures['wall_events_per_s']:,.0f}", "-"),
    ]
    print(table(("Kafka to committed views, one process", "seen", "limit"), lines))
    if not args.quick:
        told = {name: round(figure) for name, figure in figures.items()}
        told |= {"goal_rows_per_s": GOAL_ROWS}
        print(f"\nwritten to {write('bench-cluster-fold', told).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
