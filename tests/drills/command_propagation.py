"""How long an operator's command takes to bind all gateways, over real Kafka and PostgreSQL.

Four gateways, two projectors and a control plane, each a process. Targets are drained and enabled one after
another. Measured, per command: from the moment at which the operator has the answer that it stands, to the
moment at which the last of the four gateways routes by a snapshot that contains it. On its way lie the
journal, the relay, the log, the projector and the state feed.
"""

import argparse
import asyncio
import random
from functools import partial
from typing import Final

from msgspec import Struct

from interlock_domain.events import TargetStateSet
from interlock_domain.recorded import RecordedEvent
from interlock_eventlog.codec import CODEC
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell, ControlProcess
from tests.drills.rig.in_force import (
    GATEWAYS,
    LATE_S,
    LOOK_S,
    PROJECTORS,
    figures,
    now_ms,
    running,
    spread,
)
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.topic import whole_topic

LINE: Final = "command_propagation"
GOAL_P50_MS: Final = 50
GOAL_P99_MS: Final = 250
"""A commit to disk and two more hops than a fact has, and nobody waits for it but a person."""
TARGETS: Final = 20


class Options(Struct, frozen=True, kw_only=True):
    """How many commands, and the pauses between them (seconds, drawn evenly)."""

    seed: int = 1
    commands: int = 200
    shortest_s: float = 0.1
    longest_s: float = 0.3


async def run(options: Options, cell: Cell) -> Findings:
    """Start everything, give one command after another, read what was written down."""
    findings = Findings()
    async with SimulatedProvider("well") as well, running(cell, _config(well.url)) as services:
        answered, took = await _command_one_by_one(options, services.control)
        places = await _places(cell, options.commands)
        await services.until_in_force(places[-1][0])
        begun = [(place, ms) for (place, _), ms in zip(places, answered, strict=True)]
        found = figures(begun, services)
    appended = [at - ms for (_, at), ms in zip(places, answered, strict=True)]
    findings.figures |= {"answered, ms": spread(took), "in the log, ms": spread(appended), **found}
    findings.counts |= {"commands": len(answered), "gateways": GATEWAYS, "projectors": PROJECTORS}
    findings.check("every command came into force everywhere", held=len(begun) == options.commands)
    late = found["in force on all, ms"]
    if options.commands >= Options().commands:
        findings.check(f"p50 is within {GOAL_P50_MS} ms", held=late["p50"] <= GOAL_P50_MS, seen=late["p50"])
        findings.check(f"p99 is within {GOAL_P99_MS} ms", held=late["p99"] <= GOAL_P99_MS, seen=late["p99"])
    return findings


async def _command_one_by_one(options: Options, control: ControlProcess) -> tuple[list[int], list[int]]:
    """When each answer was there, and how long it took."""
    chance, answered, took = random.Random(options.seed), list[int](), list[int]()
    for number in range(options.commands):
        state = "drained" if number // TARGETS % 2 == 0 else "enabled"
        began = now_ms()
        answer = await control.http.put(
            f"/targets/well/model-{number % TARGETS}/state", json={"state": state}
        )
        answered.append(now_ms())
        took.append(answered[-1] - began)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(chance.uniform(options.shortest_s, options.longest_s))
    return answered, took


async def _places(cell: Cell, wanted: int) -> list[tuple[int, int]]:
    """(position, ms) at which each command stands in the log, in the order of the journal."""
    found: list[tuple[int, int]] = []

    async def published() -> bool:
        records = [record for _, record in await whole_topic(cell.connection, cell.topics.events)]
        told = [CODEC.decode(one.value or b"", one.offset + 1, one.timestamp) for one in records]
        set_ = [
            one for one in told if isinstance(one, RecordedEvent) and isinstance(one.event, TargetStateSet)
        ]
        found[:] = list({one.id: (one.position, one.recorded_ms) for one in reversed(set_)}.values())[::-1]
        if len(found) < wanted:
            await asyncio.sleep(LOOK_S)
        return len(found) >= wanted

    await until(published, timeout_s=LATE_S, what=f"{wanted} commands in the log")
    return found


def _config(url: str) -> str:
    members = ", ".join(f"well/model-{n}" for n in range(TARGETS))
    return f"providers:\n  well: {{base_url: {url}, api_key: none}}\npools:\n  chat: [{members}]\n"


def main() -> None:
    """Run at full size and write reports/command_propagation.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--commands", type=int, default=Options().commands)
    args = wanted.parse_args()
    options = Options(seed=args.seed, commands=args.commands)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
