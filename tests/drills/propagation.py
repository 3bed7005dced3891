"""How long a failure that one gateway saw takes to bind all of them, over real Kafka and PostgreSQL.

Four gateways, two projectors and a control plane, each a process. One target after another fails once, at a
gateway in turn, and each failure trips. Measured, per failure: from the time that Kafka gave the outcome when
it appended it, to the moment at which the last of the four gateways routes by a snapshot that contains it.
Which outcome opened a cooldown is what the fold observed.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from msgspec import Struct

from interlock_domain.words import EffectKind
from interlock_testing.behaviour import fail
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell, ControlProcess, GatewayProcess
from tests.drills.rig.in_force import GATEWAYS, LATE_S, LOOK_S, PROJECTORS, figures, running
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.topic import whole_topic

LINE: Final = "propagation"
GOAL_P50_MS: Final = 20
GOAL_P99_MS: Final = 100


class Options(Struct, frozen=True, kw_only=True):
    """How many failures, and the pauses between them (seconds, drawn evenly)."""

    seed: int = 1
    failures: int = 500
    shortest_s: float = 0.1
    longest_s: float = 0.3


class Opening(Struct, frozen=True):
    """A cooldown that the fold opened: at this position, whose record Kafka appended at this time."""

    target: str
    position: int
    appended_ms: int


async def run(options: Options, cell: Cell) -> Findings:
    """Start everything, fail one target after another, read what was written down."""
    findings = Findings()
    async with AsyncExitStack() as stack:
        sick = await stack.enter_async_context(SimulatedProvider("sick", fail(500)))
        well = await stack.enter_async_context(SimulatedProvider("well"))
        config = _config(options.failures, sick.url, well.url)
        services = await stack.enter_async_context(running(cell, config))
        served = await _fail_one_by_one(options, services.gateways)
        openings = await _openings(cell, services.control, options.failures)
        await services.until_in_force(openings[-1].position)
        findings.check("every request was answered", held=served == options.failures, seen=served)
        findings.check(
            "each target failed once and was never asked again", held=sick.attempts == options.failures
        )
        found = figures([(one.position, one.appended_ms) for one in openings], services)
    findings.figures |= found
    _judge(options, openings, found["in force on all, ms"], findings)
    return findings


async def _fail_one_by_one(options: Options, gateways: Sequence[GatewayProcess]) -> int:
    """Send one request for each target, at a gateway in turn; how many were answered."""
    chance, served = random.Random(options.seed), 0
    for number in range(options.failures):
        answer = await gateways[number % len(gateways)].chat(f"pool-{number}")
        served += answer.status_code == 200
        await asyncio.sleep(chance.uniform(options.shortest_s, options.longest_s))
    return served


async def _openings(cell: Cell, control: ControlProcess, wanted: int) -> list[Opening]:
    """What the fold observed, with the times that Kafka gave; in the order of the log."""
    effects: list[dict[str, Any]] = []

    async def observed() -> int:
        answer = await control.http.get("/transitions", params={"limit": 1_000})
        found = answer.json()["transitions"] if answer.status_code == 200 else []
        effects[:] = [one for one in found if one["kind"] == EffectKind.COOLDOWN_OPENED.value]
        if len(effects) < wanted:
            await asyncio.sleep(LOOK_S)
        return len(effects) >= wanted

    await until(observed, timeout_s=LATE_S, what=f"{wanted} cooldowns")
    appended = {
        record.offset + 1: record.timestamp
        for _, record in await whole_topic(cell.connection, cell.topics.events)
    }
    return [Opening(one["subject"], one["position"], appended[one["position"]]) for one in effects]


def _judge(options: Options, openings: Sequence[Opening], late: dict[str, int], findings: Findings) -> None:
    findings.counts |= {
        "failures that tripped": len(openings),
        "gateways": GATEWAYS,
        "projectors": PROJECTORS,
    }
    targets = {opening.target for opening in openings}
    findings.check(
        "each failure opened one cooldown",
        held=len(openings) == len(targets) == options.failures,
        seen=(len(openings), len(targets)),
    )
    findings.check("no snapshot was in force before its evidence", held=late["p50"] >= 0, seen=late)
    if options.failures >= Options().failures:
        findings.check(f"p50 is within {GOAL_P50_MS} ms", held=late["p50"] <= GOAL_P50_MS, seen=late["p50"])
        findings.check(f"p99 is within {GOAL_P99_MS} ms", held=late["p99"] <= GOAL_P99_MS, seen=late["p99"])


def _config(targets: int, sick: str, well: str) -> str:
    """A pool for each target that will fail, with one healthy target behind it."""
    lines = ["providers:"]
    lines += [
        f"  {name}: {{base_url: {url}, api_key: none}}" for name, url in (("sick", sick), ("well", well))
    ]
    lines += ["pools:", *(f"  pool-{n}: [sick/model-{n}, well/model]" for n in range(targets))]
    lines += [
        "policy:",
        "  attempts: {retries_per_target: 0}",
        "  cooldown: {strikes: 1, initial: 300s}",
        "  guards: {freeze_flips: 1.0}",
        "  budgets: {retry_floor_per_s: 100}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run at full size and write reports/propagation.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--failures", type=int, default=Options().failures)
    args = wanted.parse_args()
    options = Options(seed=args.seed, failures=args.failures)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
