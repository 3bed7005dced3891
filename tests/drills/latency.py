"""What looking into the past costs the present: added latency at 100 requests/s, idle and while people ask.

A quickstart over a log of 60,000 events and a provider that answers at once. Phases alternate in one run:
idle, and busy with `state --at` in a loop and a client that pages through all events. Each request through
the gateway has a twin that goes to the provider directly, half a beat later; the added latency is the
difference of their percentiles within a phase.
"""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from msgspec import Struct, field

from tests.drills.rig.alone import run_alone
from tests.drills.rig.client import ChatClient
from tests.drills.rig.prefill import prefill
from tests.drills.rig.provider import ProviderProcess
from tests.drills.rig.quickstart import Quickstart, document
from tests.drills.rig.report import Findings, Report

LINE: Final = "latency"
CONFIG: Final = """
providers:
  atlas: {{base_url: "{atlas}", api_key: none, apis: [chat]}}
pools:
  chat: [atlas/large]
"""


class Options(Struct, frozen=True, kw_only=True):
    """The load, and how the run is cut into phases."""

    events: int = 60_000
    per_second: int = 100
    phase_s: float = 15.0
    pairs: int = 4


class Phase(Struct, kw_only=True):
    """Milliseconds of each request of the phases of one kind."""

    through: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    failed: int = 0

    def figures(self) -> dict[str, float]:
        """Percentiles, and what the gateway added to them."""
        found: dict[str, float] = {}
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            through, direct = _percentile(self.through, share), _percentile(self.direct, share)
            found[f"{name} through, ms"] = round(through, 2)
            found[f"{name} direct, ms"] = round(direct, 2)
            found[f"{name} added, ms"] = round(through - direct, 2)
        return found


async def run(options: Options, folder: Path) -> Findings:
    """Prefill, start, alternate."""
    findings = Findings()
    async with AsyncExitStack() as stack:
        provider = ProviderProcess(folder, "atlas", interval_ms=0, chunks=5)
        await stack.enter_async_context(provider.process)
        served = Quickstart(folder, CONFIG.format(atlas=provider.base_url))
        findings.counts["events in the log"] = await prefill(
            served.database, folder / "interlock.yaml", options.events
        )
        stack.callback(served.kill)
        await served.start()
        gateway, direct = ChatClient(f"{served.url}/v1"), ChatClient(provider.base_url)
        stack.push_async_callback(gateway.close)
        stack.push_async_callback(direct.close)
        await _drive(gateway, direct, options, 3.0)  # warm
        idle, busy = Phase(), Phase()
        asked: dict[str, int] = {}
        for _ in range(options.pairs):
            _add(idle, await _drive(gateway, direct, options, options.phase_s))
            answered, drove = await asyncio.gather(
                _asking(served, options.phase_s), _drive(gateway, direct, options, options.phase_s)
            )
            _add(busy, drove)
            asked = {name: asked.get(name, 0) + count for name, count in answered.items()}
        async with served.admin() as admin:
            behind = (await document(admin, "/projections"))[0]["behind"]
        await served.stop()
    findings.counts |= {"requests idle": len(idle.through), "requests busy": len(busy.through)} | asked
    findings.figures |= {"idle": idle.figures(), "busy": busy.figures()}
    findings.check("the log held at least 50,000 events", held=findings.counts["events in the log"] >= 50_000)
    findings.check(
        "every request was answered", held=idle.failed + busy.failed == 0, seen=(idle.failed, busy.failed)
    )
    findings.check("somebody looked into the past all the time", held=min(asked.values()) > 0, seen=asked)
    findings.check("the projection was not left behind", held=behind < 100, seen=behind)
    return findings


async def _drive(gateway: ChatClient, direct: ChatClient, options: Options, seconds: float) -> Phase:
    """One request each beat through the gateway, and half a beat later one past it."""
    phase, loop = Phase(), asyncio.get_running_loop()
    beat, began, running = 1 / options.per_second, loop.time(), set[asyncio.Task[None]]()

    async def ask(client: ChatClient, took: list[float]) -> None:
        begin = perf_counter()
        answer = await client.ask("chat" if client is gateway else "large")
        took.append((perf_counter() - begin) * 1000)
        phase.failed += answer.status != 200

    for number in range(int(seconds * options.per_second) * 2):
        await asyncio.sleep(max(0.0, began + number * beat / 2 - loop.time()))
        pair = (direct, phase.direct) if number % 2 else (gateway, phase.through)
        task = loop.create_task(ask(*pair))
        running.add(task)
        task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running)
    return phase


async def _asking(served: Quickstart, seconds: float) -> dict[str, int]:
    url = f"http://127.0.0.1:{served.control_port}"
    command = (sys.executable, "-m", "tests.drills.rig.asker", url, str(seconds))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise AssertionError(f"the asker ended with {process.returncode}")
    found: dict[str, int] = json.loads(output)
    return found


def _add(whole: Phase, part: Phase) -> None:
    whole.through += part.through
    whole.direct += part.direct
    whole.failed += part.failed


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Run at full size and write reports/latency.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--phase-seconds", type=float, default=15.0)
    wanted.add_argument("--pairs", type=int, default=4)
    args = wanted.parse_args()
    options = Options(phase_s=args.phase_seconds, pairs=args.pairs)
    report = Report(LINE, seed=args.seed, full=options == Options())
    run_alone(report, partial(run, options))


if __name__ == "__main__":
    main()
