"""Half an hour at 200 requests/s over a whole cell: what it stores for each request, and whether it grows.

Four gateways, two projectors, a control plane and the reactors, real Kafka and PostgreSQL; one of three
targets fails for a few seconds each minute, so that cooldowns come and go all the time. Told: bytes of each
topic and table for a request, and the resident memory of every process. After the warm-up no process may
grow faster than a stated slope (least squares over all readings, so that neither a page cache's step nor one
collection decides).
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial
from statistics import linear_regression
from typing import Any, Final

from msgspec import Struct

from benchmarks.load import resident_mb
from interlock_testing.behaviour import fail, healthy, repeating
from interlock_testing.upstream import SimulatedProvider
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell
from tests.drills.rig.circle import Circle, Parts, judge_ends, running_circle
from tests.drills.rig.database import CellDatabase
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.traffic import Traffic

LINE: Final = "soak"
NAMES: Final = ("atlas", "breeze", "cirrus")
WARM_SHARE: Final = 1 / 3
"""Of the run: memos, pools and arenas fill in minutes, and the windows of the fold within one."""
STEEPEST_MB_H: Final = 20.0
"""A gateway that lost 100 bytes a request would grow by 18 MB in an hour of its 50 requests/s; readings of
half an hour scatter by a few."""
JUDGED_MINUTES: Final = 20.0
"""A shorter run tells slopes and judges none."""
CONFIG: Final = """
providers:
{providers}
pools:
  chat: {{strategy: weighted_round_robin, members: [{members}]}}
policy:
  cooldown: {{initial: 5s, max: 10s}}
  half_open: {{probe_interval: 1s, ramp: 5s}}
"""
_TABLES: Final = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""


class Options(Struct, frozen=True, kw_only=True):
    """How long and how much; between two readings of memory; how long a target is well before it fails."""

    seed: int = 1
    parts: Parts = Parts(reactors=True)
    minutes: float = 30.0
    per_second: float = 200.0
    every_s: float = 10.0
    well_s: float = 55.0
    fails_s: float = 5.0


class Reading(Struct, frozen=True):
    """Resident memory of every process at one moment."""

    at_s: float
    mb: dict[str, float]


async def run(options: Options, cell: Cell) -> Findings:
    """Drive, read, count what was stored."""
    assert cell.database_url is not None
    findings = Findings()
    sick = repeating([(options.well_s, healthy(latency_ms=20)), (options.fails_s, fail(500))])
    providers = [SimulatedProvider(name, healthy(latency_ms=20)) for name in NAMES]
    providers[0].schedule = sick
    for provider in providers:
        await provider.start()
    try:
        async with running_circle(cell, _config(providers), options.parts) as circle:
            tables = await _tables(cell)
            topics = _topic_bytes(cell)
            traffic = Traffic(circle.urls, NAMES, per_second=options.per_second)
            readings = await _read_on(options, circle, traffic)
            opened = len(await circle.transitions("CooldownOpened"))
            _judge_traffic(traffic, opened, findings)
            _tell_sizes("table", await _tables(cell), tables, traffic.asked, findings)
        _tell_sizes("topic", _topic_bytes(cell), topics, traffic.asked, findings)
        judge_ends(circle, findings)
    finally:
        for provider in providers:
            await provider.stop()
    _judge_memory(options, readings, findings)
    return findings


async def _read_on(options: Options, circle: Circle, traffic: Traffic) -> list[Reading]:
    readings: list[Reading] = []
    async with traffic.flowing():
        while traffic.elapsed_s < options.minutes * 60:
            await traffic.until_s((len(readings) + 1) * options.every_s)
            mb = {name: resident_mb(process.pid) for name, process in circle.processes.items()}
            readings.append(Reading(traffic.elapsed_s, mb))
    return readings


def _judge_traffic(traffic: Traffic, opened: int, findings: Findings) -> None:
    findings.counts |= {
        "requests": traffic.asked,
        "answered": traffic.answered,
        "cooldowns opened": opened,
    }
    findings.figures["latest request sent, s"] = round(traffic.latest_s, 3)
    findings.check("no client saw an error", held=not traffic.failed.total(), seen=traffic.errors[:5])
    findings.check("targets were cooled meanwhile", held=opened > 0)


def _judge_memory(options: Options, readings: Sequence[Reading], findings: Findings) -> None:
    steady = [one for one in readings if one.at_s >= options.minutes * 60 * WARM_SHARE]
    hours = [one.at_s / 3600 for one in steady]
    first, last = readings[0].mb, readings[-1].mb
    findings.figures |= {
        "resident at the first reading, MB": {name: round(first[name], 1) for name in first},
        "resident at the last reading, MB": {name: round(last[name], 1) for name in last},
    }
    slopes = {
        name: round(linear_regression(hours, [one.mb[name] for one in steady]).slope, 1) for name in first
    }
    findings.figures["growth after the warm-up, MB an hour"] = slopes
    if options.minutes >= JUDGED_MINUTES:
        steepest = max(slopes.values())
        name = f"no process grows by more than {STEEPEST_MB_H:g} MB an hour"
        findings.check(name, held=steepest <= STEEPEST_MB_H, seen=slopes)


def _tell_sizes(
    kind: str, after: dict[str, int], before: dict[str, int], requests: int, findings: Findings
) -> None:
    findings.figures |= {
        f"{kind} sizes at the end, KB": {name: size // 1024 for name, size in after.items()},
        f"{kind} bytes a request": {
            name: round((size - before.get(name, 0)) / requests, 1) for name, size in after.items()
        },
    }


async def _tables(cell: Cell) -> dict[str, int]:
    assert cell.database_url is not None
    rows: Sequence[Any] = await CellDatabase(cell.database_url).rows(_TABLES)
    sizes = Counter[str]()
    for row in rows:
        sizes["requests" if row[0].startswith("requests_") else row[0]] += int(row[1])
    return dict(sizes)


def _topic_bytes(cell: Cell) -> dict[str, int]:
    """Sizes of the segments of every partition; empty where the broker is not a process of this drill."""
    named = cell.topics
    topics = (named.events, named.state, named.requests, named.transitions, named.dead_letters)
    found: dict[str, int] = {}
    for topic in topics:
        parts = [path for path in cell.folder.glob(f"kafka/**/{topic}-[0-9]*/*.log") if path.is_file()]
        if parts:
            found[topic.removeprefix(f"{named.prefix}.")] = sum(path.stat().st_size for path in parts)
    return found


def _config(providers: list[SimulatedProvider]) -> str:
    listed = [f"  {one.name}: {{base_url: {one.url}, api_key: none, apis: [chat]}}" for one in providers]
    members = ", ".join(f"{{target: {one.name}/large}}" for one in providers)
    return CONFIG.format(providers="\n".join(listed), members=members)


def main() -> None:
    """Run at full size and write reports/soak.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--minutes", type=float, default=30.0)
    args = wanted.parse_args()
    options = Options(seed=args.seed, minutes=args.minutes)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
