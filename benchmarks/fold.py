"""How fast the log becomes state, decode included; and how fast a table becomes a snapshot.

A row is one (target, shape) of a SuccessesCounted (8 rows a record) or one AttemptFailed. The stream
that is folded: 4 gateways, 1,000 targets, 1 % of attempts fail, each success row counts 12 attempts.
One process, one core. `--quick` for a smoke run.
"""

import argparse
import random
import statistics
import time

import msgspec

from benchmarks.report import ROOT, table, verdict, write
from benchmarks.serve import catalog
from interlock_domain.digest import table_digest
from interlock_domain.events import (
    AttemptFailed,
    Event,
    GatewayReported,
    ProviderDefined,
    SuccessesCounted,
    SuccessRow,
    TargetDefined,
)
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.state import empty_state
from interlock_domain.recorded import BatchPart, NewEvent, RecordedEvent, Source, stream_of_gateway
from interlock_domain.rows import CATALOG_KEY, CatalogRow, CommitRow
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.consistency import Inconsistent
from interlock_domain.words import FailureClass, Phase
from interlock_eventlog.codec import CODEC

GOAL_ROWS = 100_000
TARGETS = 1_000
GATEWAYS = 4
ROWS_A_RECORD = 8
COUNT_A_ROW = 12
FAILURE_SHARE = 0.01
SHAPES = ("text", "tools", "vision", "tools+vision")
HISTOGRAM = tuple(1 if n in (5, 6, 7) else 0 for n in range(16))


def decisions(row: CatalogRow) -> list[tuple[str, Event]]:
    """The events that declare a catalog."""
    found: list[tuple[str, Event]] = [
        (f"provider/{p.name}", ProviderDefined(provider=p)) for p in row.providers
    ]
    return found + [(f"target/{t.id}", TargetDefined(target=t)) for t in row.targets]


def outcomes(targets: list[str], records: int) -> tuple[list[tuple[str, NewEvent]], int]:
    """`records` SuccessesCounted and the failures that go with them; and the number of rows."""
    draw = random.Random(7)
    found: list[tuple[str, NewEvent]] = []
    seqs = dict.fromkeys(range(GATEWAYS), 0)
    rows = 0

    def put(gateway: int, event: Event) -> None:
        seqs[gateway] += 1
        source = Source(gateway=f"gw-{gateway}", boot="b", seq=seqs[gateway])
        new = NewEvent(id=f"{gateway}/{seqs[gateway]}", event=event, source=source, age_ms=3)
        found.append((stream_of_gateway(f"gw-{gateway}"), new))

    for gateway in range(GATEWAYS):
        put(gateway, GatewayReported(moment="start"))
    failures = 0.0
    for number in range(records):
        gateway = number % GATEWAYS
        chosen = draw.sample(targets, ROWS_A_RECORD // 2)
        counted = tuple(
            SuccessRow(target=t, shape=s, count=COUNT_A_ROW, ttft=HISTOGRAM, duration=HISTOGRAM)
            for t in chosen
            for s in draw.sample(SHAPES, 2)
        )
        put(gateway, SuccessesCounted(rows=counted))
        rows += len(counted)
        failures += len(counted) * COUNT_A_ROW * FAILURE_SHARE / (1 - FAILURE_SHARE)
        while failures >= 1:
            failures -= 1
            rows += 1
            failed = AttemptFailed(
                request="5f0c", attempt=1, pool="p", target=draw.choice(targets), shape=draw.choice(SHAPES),
                failure=FailureClass.SERVER_ERROR, phase=Phase.HEADERS, status=500, elapsed_ms=80,
            )  # fmt: skip
            put(gateway, failed)
    return found, rows


def fold_rate(records: int) -> tuple[float, float]:
    """(rows/s, events/s) of one pass over encoded bodies."""
    declared = decisions(catalog({"mock": "http://127.0.0.1:1/v1"}, TARGETS))
    targets = [e.target.id for _, e in declared if isinstance(e, TargetDefined)]
    bodies: list[bytes] = []
    for index, (stream, event) in enumerate(declared):
        new = NewEvent(id=f"d{index}", event=event)
        part = BatchPart(id="b", index=index, size=len(declared))
        bodies.append(CODEC.encode(new, stream, version=1, batch=part))
    facts, rows = outcomes(targets, records)
    start = len(bodies)
    bodies += [CODEC.encode(new, stream) for stream, new in facts]
    state = empty_state()
    decode = CODEC.decode
    begun = 0.0
    for index, body in enumerate(bodies):
        if index == start:
            begun = time.process_time()
        # 50 records a second of log time: four gateways that report each second, and their failures.
        recorded = decode(body, index + 1, 1_000_000 + index * 20)
        assert isinstance(recorded, RecordedEvent), recorded
        evolve(state, recorded)
    took = time.process_time() - begun
    return rows / took, len(facts) / took


def compile_ms(targets: int) -> float:
    """Milliseconds to compile the snapshot of a catalog of that size."""
    row = catalog({"mock": "http://127.0.0.1:1/v1"}, targets)
    rows = {CATALOG_KEY: msgspec.json.encode(row, order="deterministic")}
    commit = CommitRow(generation=1, epoch=1, position=1, log_ms=1, digest=table_digest(rows))
    took = []
    for _ in range(3):
        begun = time.process_time()
        compiled = compile_snapshot(rows, commit)
        took.append((time.process_time() - begun) * 1000)
        assert not isinstance(compiled, Inconsistent), compiled
    return min(took)


def main() -> None:
    """Print the table and write reports/bench-fold.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--records", type=int, default=20_000)
    wanted.add_argument("--rounds", type=int, default=5)
    wanted.add_argument("--quick", action="store_true", help="one short round; writes no report")
    args = wanted.parse_args()
    rates = [
        fold_rate(2_000 if args.quick else args.records) for _ in range(1 if args.quick else args.rounds)
    ]
    rows = statistics.median(rate for rate, _ in rates)
    events = statistics.median(rate for _, rate in rates)
    compiled = {size: compile_ms(size) for size in (10, 1_000, 10_000)}
    lines = [
        ("outcome rows folded per second", f"{rows:,.0f}", verdict(rows, GOAL_ROWS, at_least=True)),
        ("events folded per second", f"{events:,.0f}", "-"),
        *((f"snapshot of {size:,} targets compiled, ms", f"{ms:.1f}", "-") for size, ms in compiled.items()),
    ]
    print(table(("fold, one core, decode included", "seen", "limit"), lines))
    if not args.quick:
        figures = {
            "rows_per_s": round(rows),
            "events_per_s": round(events),
            "rounds": [round(rate) for rate, _ in rates],
            "compile_ms": {str(size): round(ms, 2) for size, ms in compiled.items()},
            "goal_rows_per_s": GOAL_ROWS,
            "seed": 7,
            "verdict": "ok" if rows >= GOAL_ROWS else "missed",
        }
        print(f"\nwritten to {write('bench-fold', figures).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
