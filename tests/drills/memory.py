"""Resident memory of a quickstart with 1,000 slow streams open at once: before, during, after.

The provider is a process of its own that sends one chunk a second. "During" is read when every stream has
delivered content, and again later, so that growth while they run would show; "after" when all have ended.
"""

import argparse
import asyncio
import resource
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.load import resident_mb
from interlock_testing.waiting import until
from tests.drills.rig.client import Answer, ChatClient
from tests.drills.rig.provider import ProviderProcess
from tests.drills.rig.quickstart import Quickstart
from tests.drills.rig.report import Findings, Report

LINE: Final = "memory"
WARM_UP: Final = 200
"""Requests before the first reading: what a process allocates once is no cost of a stream."""
INTERVAL_MS: Final = 1_000
SETTLE_S: Final = 5.0
MOST_KB: Final = 64.0
"""A stream that costs more than this would make the 2,000 of `server.max_concurrent` a memory problem."""
CONFIG: Final = """
providers:
  atlas: {{base_url: "{atlas}", api_key: none, apis: [chat]}}
  breeze: {{base_url: "{breeze}", api_key: none, apis: [chat]}}
pools:
  chat: {{strategy: weighted_round_robin, members: [{{target: atlas/large}}, {{target: breeze/large}}]}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How many streams, each of how many chunks (one a second)."""

    streams: int = 1_000
    chunks: int = 30


async def run(options: Options, folder: Path) -> Findings:
    """Open them all, read memory, let them end."""
    _more_files()
    findings = Findings()
    async with AsyncExitStack() as stack:
        slow = {"interval_ms": INTERVAL_MS, "chunks": options.chunks}
        providers = [ProviderProcess(folder, name, **slow) for name in ("atlas", "breeze")]
        for provider in providers:
            await stack.enter_async_context(provider.process)
        served = Quickstart(folder, CONFIG.format(**{p.name: p.base_url for p in providers}))
        stack.callback(served.kill)
        await served.start()
        client = ChatClient(f"{served.url}/v1")
        stack.push_async_callback(client.close)
        pid = served.process.pid

        def readings() -> float:
            return round(resident_mb(pid), 1)

        await asyncio.gather(*(client.ask("chat") for _ in range(WARM_UP)))
        before = readings()
        asking = [asyncio.create_task(client.ask("chat", stream=True)) for _ in range(options.streams)]
        await until(
            lambda: _all_open(providers, options.streams), timeout_s=30, what="every stream to be open"
        )
        await asyncio.sleep(2 * INTERVAL_MS / 1000)
        early, open_early = readings(), _open(providers)
        await asyncio.sleep(options.chunks * INTERVAL_MS / 1000 / 2)
        late, open_late = readings(), _open(providers)
        answers = await asyncio.gather(*asking)
        await asyncio.sleep(SETTLE_S)
        _judge(answers, options, findings)
        findings.check(
            "all streams were open at both readings", held=min(open_early, open_late) == options.streams
        )
        findings.figures |= {
            "resident before, MB": before,
            "resident during, MB": early,
            "resident during, later, MB": late,
            "resident after, MB": readings(),
            "a stream, KB": round((late - before) * 1024 / options.streams, 1),
        }
        findings.check(
            "a stream costs at most 64 KB", held=(late - before) * 1024 / options.streams <= MOST_KB
        )
        await served.stop()
    return findings


def _judge(answers: list[Answer], options: Options, findings: Findings) -> None:
    whole = sum(answer.status == 200 and answer.whole and b"[DONE]" in answer.body for answer in answers)
    findings.counts |= {"concurrent streams": options.streams, "answered whole": whole}
    findings.check("every stream was answered whole", held=whole == options.streams, seen=whole)


def _open(providers: list[ProviderProcess]) -> int:
    return sum(int(provider.stats()["open"]) for provider in providers)


async def _all_open(providers: list[ProviderProcess], wanted: int) -> bool:
    await asyncio.sleep(0.1)
    return await asyncio.to_thread(_open, providers) >= wanted


def _more_files() -> None:
    """Each stream takes a descriptor here and two in the gateway; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Run at full size and write reports/memory.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--streams", type=int, default=1_000)
    args = wanted.parse_args()
    options = Options(streams=args.streams)
    report = Report(LINE, seed=args.seed, full=options == Options())
    with tempfile.TemporaryDirectory(prefix="interlock-memory-") as folder:
        findings = asyncio.run(run(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
