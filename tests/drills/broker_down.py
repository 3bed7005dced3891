"""The broker is gone for minutes while targets fail and recover: its return must not cool healthy targets.

Four gateways, two projectors, a control plane, one broker that is killed. Meanwhile every gateway sees
failures on twenty targets, enough to cool each, and is alone with them: its own breakers act. The targets are
healthy again some seconds before the broker returns. What the gateways then have to tell is old: facts of
more than a minute are dropped, and those older than 5 s may join lists but open nothing. Afterwards the
targets fail once more, and that must cool them: a fold that opens nothing at all would pass the first part.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from interlock_domain.events import AttemptFailed, GatewayReported
from interlock_domain.recorded import RecordedEvent
from interlock_testing.behaviour import fail, healthy
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    LocalKafka,
    Missing,
    find_local_kafka,
    find_postgres,
    running_postgres,
)
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import run_alone
from tests.drills.rig.cell import Cell
from tests.drills.rig.circle import FULL, Circle, Parts, judge_ends, running_circle
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.topic import recorded_events
from tests.drills.rig.traffic import Traffic

LINE: Final = "broker_down"
NAMES: Final = ("sick", "well")
TARGETS: Final = 20
LATE_MS: Final = 5_000
"""Evidence of that age opens nothing (events.md)."""
AGE_LIMIT_MS: Final = 60_000 + 5_000
"""What a gateway may still tell, and the time that a send may take."""
QUIET_S: Final = 8.0
"""Healthy again that long before the return: more than `LATE_MS`, and what answers take on a busy machine."""
WARM_S: Final = 3.0
LOOK_S: Final = 0.3
RETURN_S: Final = 90.0


class Options(Struct, frozen=True, kw_only=True):
    """How long the broker is gone, and how many requests a second come."""

    seed: int = 1
    parts: Parts = FULL
    minutes: float = 5.0
    per_second: float = 100.0


class Ages(Struct, frozen=True, kw_only=True):
    """Failures that were appended after the broker's return."""

    count: int
    late: int
    oldest_ms: int


async def run(options: Options, cell: Cell, cluster: KafkaCluster) -> Findings:
    """Break the broker, then the targets, mend them in the other order, judge."""
    findings = Findings()
    async with SimulatedProvider("sick") as sick, SimulatedProvider("well") as well:
        async with running_circle(cell, _config(sick.url, well.url), options.parts) as circle:
            traffic = Traffic(circle.urls, NAMES, per_second=options.per_second)
            async with traffic.flowing([f"pool-{n}" for n in range(TARGETS)]):
                await traffic.until_s(WARM_S)
                await _away(options, circle, cluster, sick, traffic)
                await _back(circle, cluster, findings)
                await _sick_again(circle, sick, findings)
            findings.counts |= {"requests": traffic.asked, "answered": traffic.answered}
            findings.figures["latest request sent, s"] = round(traffic.latest_s, 3)
            findings.check("no client saw an error", held=not traffic.failed.total(), seen=traffic.errors[:5])
        judge_ends(circle, findings)
    return findings


async def _away(
    options: Options, circle: Circle, cluster: KafkaCluster, sick: SimulatedProvider, traffic: Traffic
) -> None:
    """The broker goes; the targets fail and are well again before it returns."""
    ends_s = traffic.elapsed_s + options.minutes * 60
    cluster.kill(1)
    sick.behaviour = fail(500)
    await traffic.until_s(ends_s - QUIET_S)
    sick.behaviour = healthy()
    await traffic.until_s(ends_s)


async def _back(circle: Circle, cluster: KafkaCluster, findings: Findings) -> None:
    """The broker returns; everything that gateways have kept is folded, and nothing was opened."""
    head = len(await circle.transitions())
    before = await _head_at_rest(cluster, circle.cell)
    await until(
        lambda: _flushed(circle, before), timeout_s=RETURN_S, what="every gateway to tell fresh facts"
    )
    events = await recorded_events(circle.cell.connection, circle.cell.topics)
    await _folded(circle, events[-1].position)
    told = _ages([one for one in events if one.position > before])
    fresh = (await circle.transitions())[head:]
    opened = [one for one in fresh if one["kind"] == "CooldownOpened"]
    reports = [one.event for one in events if isinstance(one.event, GatewayReported)]
    findings.counts |= {
        "failures told after the return": told.count,
        "of these older than 5 s": told.late,
        "facts dropped for their age": sum(_newest_dropped(events).values()),
        "gateways' reports": len(reports),
        "cooldowns opened by old outcomes": len(opened),
    }
    findings.figures["oldest failure told, s"] = round(told.oldest_ms / 1000, 1)
    findings.check("there were old failures to tell", held=told.late > 0, seen=told)
    findings.check("nothing older than a minute was told", held=told.oldest_ms <= AGE_LIMIT_MS, seen=told)
    findings.check("old outcomes opened no cooldown", held=not opened, seen=opened[:3])


async def _sick_again(circle: Circle, sick: SimulatedProvider, findings: Findings) -> None:
    """The same failures, told in time."""
    head = len(await circle.transitions())
    sick.behaviour = fail(500)

    async def cooled() -> set[str]:
        await asyncio.sleep(LOOK_S)
        fresh = (await circle.transitions())[head:]
        found = {one["subject"] for one in fresh if one["kind"] == "CooldownOpened"}
        return found if len(found) == TARGETS else set()

    found = await until(cooled, timeout_s=RETURN_S, what="fresh failures to cool every target")
    findings.check("fresh failures cool the targets", held=len(found) == TARGETS, seen=len(found))


async def _head_at_rest(cluster: KafkaCluster, cell: Cell) -> int:
    """Where the log ends before anybody can have told anything new: what was appended before the end."""
    await cluster.start_again(1)
    events = await recorded_events(cell.connection, cell.topics)
    gap = max(
        range(1, len(events)), key=lambda n: events[n].recorded_ms - events[n - 1].recorded_ms, default=0
    )
    away = events[gap].recorded_ms - events[gap - 1].recorded_ms
    return events[gap - 1].position if away > LATE_MS else events[-1].position


async def _flushed(circle: Circle, before: int) -> bool:
    """The newest fact of each gateway is fresh; it comes behind everything older."""
    await asyncio.sleep(LOOK_S)
    newest: dict[str, int] = {}
    for one in await recorded_events(circle.cell.connection, circle.cell.topics):
        if one.position > before and one.source is not None and one.source.gateway.startswith("gw-"):
            newest[one.source.gateway] = one.age_ms
    return len(newest) == len(circle.gateways) and max(newest.values()) < LATE_MS


async def _folded(circle: Circle, position: int) -> None:
    async def folded() -> bool:
        answer = await circle.control.http.get("/projections")
        shown: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
        return bool(shown) and int(shown[0]["position"]) >= position

    await until(folded, timeout_s=RETURN_S, what=f"position {position} to be folded")


def _ages(events: list[RecordedEvent]) -> Ages:
    ages = [one.age_ms for one in events if isinstance(one.event, AttemptFailed)]
    late = sum(age > LATE_MS for age in ages)
    return Ages(count=len(ages), late=late, oldest_ms=max(ages, default=0))


def _newest_dropped(events: list[RecordedEvent]) -> Counter[str]:
    dropped = Counter[str]()
    for one in events:
        if isinstance(one.event, GatewayReported):
            dropped[one.stream] = max(dropped[one.stream], one.event.outcomes_dropped)
    return dropped


def _config(sick: str, well: str) -> str:
    """A pool for each target that fails, a healthy one behind it; breakers that look again each second."""
    lines = ["providers:"]
    lines += [
        f"  {name}: {{base_url: {url}, api_key: none}}" for name, url in (("sick", sick), ("well", well))
    ]
    lines += ["pools:", *(f"  pool-{n}: [sick/model-{n}, well/model]" for n in range(TARGETS))]
    lines += [
        "policy:",
        "  cooldown: {initial: 2s, max: 4s}",
        "  half_open: {probe_interval: 1s, ramp: 1s}",
        "  guards: {freeze_flips: 1.0}",
    ]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def breakable_cell(
    folder: Path, kafka: LocalKafka, url: str
) -> AsyncIterator[tuple[Cell, KafkaCluster]]:
    """A cell on a broker of its own."""
    cluster = kafka.cluster(folder / "kafka")
    await cluster.start()
    try:
        topics = fresh_topics()
        await create_topics(cluster.bootstrap, topics)
        yield Cell(folder=folder, bootstrap=cluster.bootstrap, topics=topics, database_url=url), cluster
    finally:
        await cluster.stop()


def main() -> None:
    """Run at full size and write reports/broker_down.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--minutes", type=float, default=5.0)
    args = wanted.parse_args()
    options = Options(seed=args.seed, minutes=args.minutes)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, partial(_alone, options))


async def _alone(options: Options, folder: Path) -> Findings:
    kafka, postgres = find_local_kafka(service_settings()), find_postgres(service_settings())
    if isinstance(kafka, Missing):
        raise SystemExit(kafka.line)
    if isinstance(postgres, Missing):
        raise SystemExit(postgres.line)
    async with running_postgres(postgres) as server, server.database() as url:
        async with breakable_cell(folder, kafka, url) as (cell, cluster):
            return await run(options, cell, cluster)


if __name__ == "__main__":
    main()
