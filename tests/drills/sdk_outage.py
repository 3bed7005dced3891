"""The official OpenAI SDK, its retries off, over two providers, one of them killed (-9) and restarted twice.

Both providers are server processes of their own and half of the requests are streams. Nobody may see an error
before content; a stream that was cut after content must raise in the SDK; and afterwards `interlock explain`
and `interlock history` must tell what happened. The policy has shorter waits than the default (cooldown 3 to
4 s, probe each second, ramp 3 s), so that a minute shows cooldown, failed probes and recovery twice.
"""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.drills.rig.outage import Outage, judge_explanations
from tests.drills.rig.outage import run as run_outage
from tests.drills.rig.provider import ProviderProcess
from tests.drills.rig.quickstart import Quickstart
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.sdk import Load

LINE: Final = "sdk_outage"
CONFIG: Final = """
providers:
  atlas: {{base_url: "{atlas}", api_key: none, apis: [chat]}}
  breeze: {{base_url: "{breeze}", api_key: none, apis: [chat]}}
pools:
  chat: [atlas/large, breeze/large]
policy:
  cooldown: {{initial: {initial}, max: {longest}}}
  half_open: {{probe_interval: {probe}, ramp: {initial}}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How long, and the waits of the policy."""

    seconds: float = 60.0
    per_second: float = 20.0
    initial: str = "3s"
    longest: str = "4s"
    probe: str = "1s"


async def run(options: Options, folder: Path) -> Findings:
    """Start three processes, drive, judge."""
    findings = Findings()
    async with AsyncExitStack() as stack:
        providers = [ProviderProcess(folder, name, latency_ms=150) for name in ("atlas", "breeze")]
        for provider in providers:
            await stack.enter_async_context(provider.process)
        addresses = {provider.name: provider.base_url for provider in providers}
        served = Quickstart(
            folder,
            CONFIG.format(**addresses, initial=options.initial, longest=options.longest, probe=options.probe),
        )
        stack.callback(served.kill)
        await served.start()
        load = Load(
            model="chat",
            per_second=options.per_second,
            seconds=options.seconds,
            texts={provider.text for provider in providers},
        )
        outage = Outage(served=served, load=load, model="large")
        await run_outage(outage, providers, findings)
        await judge_explanations(outage, "atlas/large", findings)
        ended = await served.stop()
        findings.check("quickstart survived and stopped cleanly", held=ended == 0, seen=ended)
    return findings


def main() -> None:
    """Run at full size and write reports/sdk_outage.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--seconds", type=float, default=60.0)
    args = wanted.parse_args()
    options = Options(seconds=args.seconds)
    report = Report(LINE, seed=args.seed, full=options == Options())
    with tempfile.TemporaryDirectory(prefix="interlock-sdk-") as folder:
        findings = asyncio.run(run(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
