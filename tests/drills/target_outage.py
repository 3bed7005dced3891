"""One target of three is killed under load and comes back, over real Kafka and PostgreSQL.

Four gateways, two projectors, a control plane; 200 requests/s over the gateways. Nobody may see an error.
Every attempt at the dead target is then looked up in the request records: those planned by a snapshot that
knew of the cooldown may only be probes, at most one of the whole fleet in each probe slot, as the gateways
themselves counted slots. The waits are shorter than the defaults, so that a minute shows failed probes.
"""

import argparse
from collections import Counter
from functools import partial
from typing import Final

from msgspec import Struct

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.words import Outcome
from interlock_records.batches import records_of
from interlock_records.paging import snapshot_place
from interlock_testing.behaviour import healthy
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell
from tests.drills.rig.circle import FULL, Circle, Parts, judge_ends, running_circle
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.topic import whole_topic
from tests.drills.rig.traffic import Traffic

LINE: Final = "target_outage"
NAMES: Final = ("atlas", "breeze", "cirrus")
DEAD: Final = "atlas/large"
SHARE: Final = 0.8
"""Of a third of the answers: round robin over four gateways is not exact within a second."""
BACK_S: Final = 120.0
CONFIG: Final = """
providers:
{providers}
pools:
  chat: {{strategy: weighted_round_robin, members: [{members}]}}
policy:
  cooldown: {{initial: {initial_ms}ms, max: {max_ms}ms}}
  half_open: {{probe_interval: {interval_ms}ms, ramp: {ramp_ms}ms}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How long, how much, when the target dies and returns (seconds), and the waits of the policy."""

    seed: int = 1
    parts: Parts = FULL
    seconds: float = 60.0
    per_second: float = 200.0
    dies_s: float = 10.0
    returns_s: float = 35.0
    latency_ms: int = 1_000
    """So that many requests hang on the target when it dies."""
    initial_ms: int = 4_000
    max_ms: int = 8_000
    interval_ms: int = 1_000
    ramp_ms: int = 6_000


class Tried(Struct, kw_only=True):
    """Attempts at the dead target by what their plans knew."""

    before: int = 0
    """Planned by a snapshot without the cooldown."""
    slots: Counter[int] = Counter()
    """Failed probes by slot."""
    stray: list[str] = []
    """Neither."""


async def run(options: Options, cell: Cell) -> Findings:
    """Drive, kill, return, judge."""
    findings = Findings()
    providers = [SimulatedProvider(name, healthy(latency_ms=options.latency_ms)) for name in NAMES]
    for provider in providers:
        await provider.start()
    try:
        async with running_circle(cell, _config(options, providers), options.parts) as circle:
            await _drive(options, circle, providers[0], findings)
            opened = await circle.transitions("CooldownOpened")
        judge_ends(circle, findings)
        await _judge_attempts(options, cell, [one["position"] for one in opened], findings)
    finally:
        for provider in providers:
            await provider.stop()
    return findings


async def _drive(options: Options, circle: Circle, dying: SimulatedProvider, findings: Findings) -> None:
    traffic = Traffic(circle.urls, NAMES, per_second=options.per_second)
    full = SHARE / len(NAMES)
    async with traffic.flowing():
        await traffic.until_s(options.dies_s)
        hanging = dying.open
        await dying.stop()
        await traffic.until_s(options.returns_s)
        await dying.start(dying.port)
        returned_s = traffic.elapsed_s

        def is_full() -> bool:
            return _full_from(traffic, int(returned_s) + 1, full) is not None

        await until(is_full, timeout_s=BACK_S, what="the returned target to have its full share")
        await traffic.until_s(options.seconds)
    back_s = (_full_from(traffic, int(returned_s) + 1, full) or 0) - returned_s
    findings.counts |= {
        "requests": traffic.asked,
        "answered": traffic.answered,
        "requests that hung on the target when it died": hanging,
    }
    findings.figures |= {
        "from return to full share, s": round(back_s, 1),
        "latest request sent, s": round(traffic.latest_s, 3),
    }
    findings.check("no client saw an error", held=not traffic.failed.total(), seen=traffic.errors[:5])
    findings.check("every request was answered", held=traffic.answered == traffic.asked)


def _full_from(traffic: Traffic, second: int, share: float) -> int | None:
    """The first of two whole seconds in which the target had its share."""
    ends = int(traffic.elapsed_s)
    for one in range(second, ends - 1):
        if min(traffic.share(NAMES[0], one), traffic.share(NAMES[0], one + 1)) >= share:
            return one
    return None


async def _judge_attempts(options: Options, cell: Cell, opened: list[int], findings: Findings) -> None:
    findings.counts["cooldowns opened"] = len(opened)
    if not findings.check("the fleet cooled the target", held=bool(opened)):
        return
    records = [
        record
        for _, batch in await whole_topic(cell.connection, cell.topics.requests)
        for record in records_of(batch.value or b"[]")
    ]
    tried = Tried(slots=Counter(), stray=[])
    for record in records:
        for attempt in record.attempts:
            if attempt.target == DEAD and attempt.outcome is Outcome.FAILED:
                _count(tried, record, attempt, opened[0], options.interval_ms)
    findings.counts |= {
        "request records": len(records),
        "attempts at the dead target before the fleet knew": tried.before,
        "failed probes": tried.slots.total(),
        "probe slots used": len(tried.slots),
        "attempts at the dead target by plans that knew, not probes": len(tried.stray),
    }
    most = max(tried.slots.values(), default=0)
    findings.figures["most attempts of the fleet in one probe slot"] = most
    findings.check(
        "the fleet sends at most one probe a slot", held=most <= 1, seen=tried.slots.most_common(5)
    )
    findings.check("who knew of the cooldown only probed", held=not tried.stray, seen=tried.stray[:5])
    names = {record.request_id for record in records}
    findings.check("one record for each request", held=len(names) == findings.counts["requests"])


def _count(
    tried: Tried, record: RequestRecord, attempt: AttemptRecord, opened: int, interval_ms: int
) -> None:
    if snapshot_place(record.snapshot)[1] < opened:
        tried.before += 1
    elif attempt.probe:
        tried.slots[record.inputs.as_of_ms // interval_ms] += 1
    else:
        tried.stray.append(f"{record.gateway} {record.snapshot} {record.inputs.local} {record.decision}")


def _config(options: Options, providers: list[SimulatedProvider]) -> str:
    listed = [f"  {one.name}: {{base_url: {one.url}, api_key: none, apis: [chat]}}" for one in providers]
    return CONFIG.format(
        providers="\n".join(listed),
        members=", ".join(f"{{target: {one.name}/large}}" for one in providers),
        initial_ms=options.initial_ms,
        max_ms=options.max_ms,
        interval_ms=options.interval_ms,
        ramp_ms=options.ramp_ms,
    )


def main() -> None:
    """Run at full size and write reports/target_outage.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--seconds", type=float, default=60.0)
    args = wanted.parse_args()
    options = Options(seed=args.seed, seconds=args.seconds)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
