"""How long a gateway of a large cell is without a snapshot: from its start to ready, over a real Kafka.

The state topic holds ten thousand targets, a tenth of them with a cooldown, and the records of earlier
commits that compaction has not taken yet. Measured: the feed alone (read, prove, compile) in this process,
and a whole gateway process from its start to its first 200 at /readyz, which pays for Python's imports too.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import uvloop
from msgspec.structs import replace

from benchmarks.report import table, verdict, write
from interlock_domain.digest import table_digest
from interlock_domain.projection.rows import all_rows, commit_row
from interlock_domain.rows import CooldownRow, TargetRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import FailureClass, Provenance
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_feed.feed import FeedUpdate
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import Missing, find_kafka, running_kafka
from interlock_testing.waiting import until
from tests.drills.rig.cell import Cell
from tests.services.interlock_gateway.topics import folded

TARGETS: Final = 10_000
PROVIDERS: Final = 20
MEMBERS: Final = 10
COMMITS: Final = 200
"""Earlier commits that are still on the topic: ten seconds of a busy cell."""
ROWS_A_COMMIT: Final = 20
ROUNDS: Final = 5
GOAL_FEED_S: Final = 1.0
GOAL_GATEWAY_S: Final = 5.0
"""What a rolling restart waits for each gateway; imports are a second of it on a slow machine."""
PATIENCE_S: Final = 120.0


def config(targets: int) -> str:
    """Pools of ten over all targets, spread over the providers."""
    lines = ["providers:"]
    lines += [f"  p{n}: {{base_url: http://127.0.0.1:9/v1, api_key: none}}" for n in range(PROVIDERS)]
    lines += ["pools:"]
    for first in range(0, targets, MEMBERS):
        members = ", ".join(f"p{n % PROVIDERS}/model-{n}" for n in range(first, first + MEMBERS))
        lines.append(f"  pool-{first // MEMBERS}: [{members}]")
    return "\n".join(lines) + "\n"


def cooling(at_ms: int, level: int) -> bytes:
    """The row of a target with one cooldown."""
    rest = CooldownRow(
        shape="text",
        provenance=Provenance.HEURISTIC,
        opened_ms=at_ms,
        until_ms=at_ms + 300_000,
        failure=FailureClass.SERVER_ERROR,
        level=level,
        evidence=(1, 2),
    )
    return msgspec.json.encode(TargetRow(learned=(rest,)))


async def fill(cell: Cell, targets: int) -> int:
    """Put the state of a large cell on its topic, commit by commit; the position of the last."""
    state, feed = folded(config(targets)), KafkaFeed(cell.connection, cell.topics)
    rows, position = all_rows(state), state.position
    ids = [f"target/p{n % PROVIDERS}/model-{n}" for n in range(0, targets, 10)]
    rows |= {name: cooling(state.log_ms, 0) for name in ids}
    changed: dict[str, bytes | None] = {**rows}
    try:
        for number in range(COMMITS + 1):
            commit = replace(
                commit_row(state, generation=1, epoch=1),
                position=position + number,
                digest=table_digest(rows),
            )
            await feed.publish(commit, changed)
            some = [ids[(number * ROWS_A_COMMIT + n) % len(ids)] for n in range(ROWS_A_COMMIT)]
            again = {name: cooling(state.log_ms + number, 1) for name in some}
            changed = {**again}
            if number < COMMITS:
                rows |= again
    finally:
        await feed.close()
    return position + COMMITS


async def read_whole(cell: Cell) -> dict[str, float]:
    """Seconds until the table is proved, and until the snapshot is compiled."""
    began = time.perf_counter()
    tail = cast("AsyncGenerator[FeedUpdate, None]", KafkaFeed(cell.connection, cell.topics).tail())
    async with aclosing(tail) as updates:
        update = await anext(updates)
    read = time.perf_counter()
    rows = {key: row for key, row in update.rows.items() if row is not None}
    snapshot = compile_snapshot(rows, update.commit)
    if not isinstance(snapshot, Snapshot):
        raise SystemExit(f"the snapshot of the bench is not consistent: {snapshot}")
    compiled = time.perf_counter()
    return {"read_s": read - began, "compile_s": compiled - read, "feed_s": compiled - began}


async def whole_gateway(cell: Cell, name: str) -> dict[str, float]:
    """Seconds from the start of a process to its first 200 at /readyz, and its memory then."""
    gateway = cell.gateway(name)
    began = time.perf_counter()
    try:
        await gateway.start()
        answers = time.perf_counter()
        await until(gateway.is_ready, timeout_s=PATIENCE_S, what="the gateway to be ready")
        ready = time.perf_counter()
        size = rss_mib(gateway.process.pid)
    finally:
        await gateway.close()
    return {"answers_s": answers - began, "ready_s": ready - began, "rss_mib": size}


def rss_mib(pid: int) -> float:
    """The resident memory of a process; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    told = status.read_text() if status.exists() else ""
    return next((int(line.split()[1]) for line in told.splitlines() if line.startswith("VmRSS")), 0) / 1024


def median_of(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: round(statistics.median(one[name] for one in found), 3) for name in found[0]}


async def measure(folder: Path, targets: int, rounds: int) -> dict[str, Any]:
    """Both cells on one broker."""
    kafka = find_kafka(service_settings())
    if isinstance(kafka, Missing):
        raise SystemExit(kafka.line)
    figures: dict[str, Any] = {"targets": targets, "commits": COMMITS, "rounds": rounds}
    async with running_kafka(kafka, folder / "kafka") as brokers:
        for name, size in (("small", MEMBERS), ("large", targets)):
            topics = fresh_topics()
            await create_topics(brokers.bootstrap, topics)
            cell = Cell(folder=folder, bootstrap=brokers.bootstrap, topics=topics)
            await fill(cell, size)
            feed = median_of([await read_whole(cell) for _ in range(rounds)])
            whole = median_of([await whole_gateway(cell, f"{name}-{n}") for n in range(rounds)])
            figures[name] = feed | whole
    return figures


def main() -> int:
    """Measure, print, write reports/bench-cluster-bootstrap.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--targets", type=int, default=TARGETS)
    wanted.add_argument("--rounds", type=int, default=ROUNDS)
    args = wanted.parse_args()
    with tempfile.TemporaryDirectory(prefix="interlock-bootstrap-") as folder:
        figures = uvloop.run(measure(Path(folder), args.targets, args.rounds))
    small, large = figures["small"], figures["large"]
    print(
        table(["", f"{MEMBERS} targets", f"{args.targets} targets"], [(n, small[n], large[n]) for n in large])
    )
    figures["goals"] = {
        "feed read, proved and compiled": verdict(large["feed_s"], GOAL_FEED_S),
        "a gateway is ready": verdict(large["ready_s"], GOAL_GATEWAY_S),
    }
    for name, said in figures["goals"].items():
        print(f"{name}: {said}")
    name = "bench-cluster-bootstrap"
    print(write(name if args.targets == TARGETS else f"tmp/{name}", figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
