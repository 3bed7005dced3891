"""One of four gateways has a broken route to a target that the others use: the fleet must not cool it.

Real Kafka and PostgreSQL, two rates one after the other. The route breaks while everybody uses the target:
from then on each attempt of that gateway is reset before an answer. The gateway's own breaker must keep it
from the target, each of its requests must be answered by the other one, and the fleet may believe it at most
once: a second gateway does not confirm (quorum).

The route is broken at the target, which knows the gateway by its credential; rules for packets would need
rights that a drill has not.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from msgspec import Struct

from interlock_runtime.kafka.reader import Record
from interlock_testing.answers import Step, steps
from interlock_testing.behaviour import Behaviour, Kind
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import in_cell, run_alone
from tests.drills.rig.cell import Cell
from tests.drills.rig.circle import FULL, Circle, Parts, judge_ends, running_circle
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.topic import whole_topic
from tests.drills.rig.traffic import Traffic

LINE: Final = "broken_route"
NAMES: Final = ("atlas", "breeze")
BROKEN: Final = "gw-0"
SEEN_S: Final = 60.0
LOOK_S: Final = 0.3
COUNTED: Final = b"SuccessesCounted"
RESET: Final = Behaviour(kind=Kind.RESET)
CONFIG: Final = """
providers:
  atlas: {{base_url: {atlas}, api_key: "env:ATLAS_KEY", apis: [chat]}}
  breeze: {{base_url: {breeze}, api_key: none, apis: [chat]}}
pools:
  chat: [atlas/large, breeze/large]
"""


class Options(Struct, frozen=True, kw_only=True):
    """Requests a second over all gateways, one part after the other, and how long each takes."""

    seed: int = 1
    parts: Parts = FULL
    rates: tuple[float, ...] = (0.5, 100.0)
    seconds: float = 600.0
    warm: int = 4
    """Requests of each gateway before the route breaks."""


class Route(SimulatedProvider):
    """A provider that resets the connections of one gateway while the route is broken."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.broken = False
        self.refused = 0

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> Iterator[Step]:
        """See SimulatedProvider."""
        found = super().answer(method, path, headers, body, query)
        if not self.broken or headers.get("authorization") != f"Bearer {BROKEN}":
            return found
        self.refused += 1
        return steps(self.name, self.requests[-1], RESET)


async def run(options: Options, cell: Cell) -> Findings:
    """One part after the other in one cell."""
    findings = Findings()
    variables = {f"gw-{n}": {"ATLAS_KEY": f"gw-{n}"} for n in range(options.parts.gateways)}
    async with Route("atlas") as atlas, SimulatedProvider("breeze") as breeze:
        config = CONFIG.format(atlas=atlas.url, breeze=breeze.url)
        async with running_circle(cell, config, options.parts, variables=variables) as circle:
            for rate in options.rates:
                await _part(options, rate, circle, atlas, findings)
        judge_ends(circle, findings)
    return findings


async def _part(options: Options, rate: float, circle: Circle, atlas: Route, findings: Findings) -> None:
    await _warm(options, circle)
    before, refused = len(await circle.transitions()), atlas.refused
    traffic = Traffic(circle.urls, NAMES, per_second=rate)
    atlas.broken = True
    async with traffic.flowing():
        await traffic.until_s(options.seconds)
    atlas.broken = False
    fresh = (await circle.transitions())[before:]
    seen = Counter(one["kind"] for one in fresh)
    opened = seen["CooldownOpened"]
    served = Counter[str]()
    for (_, name), count in traffic.served.items():
        served[name] += count
    resets = atlas.refused - refused
    part = f"at {rate:g} requests/s"
    findings.counts |= {
        f"requests {part}": traffic.asked,
        f"fleet cooldowns {part}": opened,
        f"attempts over the broken route {part}": resets,
        f"answers by target {part}": dict(served),
        f"observed {part}": dict(seen),
    }
    check = findings.check
    check("no client saw an error", held=not traffic.failed.total(), seen=traffic.errors[:5])
    check("every request was answered", held=traffic.answered == traffic.asked)
    check("the broken route was tried", held=resets > 0)
    check("at most one fleet cooldown in each part", held=opened <= 1, seen=(part, fresh[:5]))
    least = traffic.asked * (options.parts.gateways - 1) // options.parts.gateways
    check(
        "the others went on with the target", held=opened > 0 or served["atlas"] >= least, seen=(part, served)
    )
    await _recovered(circle)


async def _warm(options: Options, circle: Circle) -> None:
    """Everybody uses the target, and the log knows it."""
    after = len(await _events(circle))
    for gateway in circle.gateways:
        for _ in range(options.warm):
            await gateway.chat()

    async def known() -> bool:
        await asyncio.sleep(LOOK_S)
        fresh = (await _events(circle))[after:]
        told = {one.key for one in fresh if one.value is not None and COUNTED in one.value}
        return len(told) == options.parts.gateways

    await until(known, timeout_s=SEEN_S, what="the successes of all gateways in the log")


async def _events(circle: Circle) -> list[Record]:
    cell = circle.cell
    return [record for _, record in await whole_topic(cell.connection, cell.topics.events)]


async def _recovered(circle: Circle) -> None:
    """Until nothing speaks against the target: a part begins as the one before did."""

    async def well() -> bool:
        for gateway in circle.gateways:
            answer = await gateway.chat()
            if answer.headers.get("x-interlock-target") != "atlas/large":
                return False
        return (await _target(circle)).get("state") == "eligible"

    await until(well, timeout_s=400.0, what="every gateway to use the target again")


async def _target(circle: Circle) -> dict[str, Any]:
    answer = await circle.control.http.get("/targets")
    listed = answer.json() if answer.status_code == 200 else []
    return next((one for one in listed if one["id"] == "atlas/large"), {})


def main() -> None:
    """Run at full size and write reports/broken_route.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--minutes", type=float, default=10.0, help="of each part")
    args = wanted.parse_args()
    options = Options(seed=args.seed, seconds=args.minutes * 60)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, in_cell(partial(run, options)))


if __name__ == "__main__":
    main()
