"""10,000 attempts that fail in every way, 2,000 streams at once whose clients leave, names nobody declared.

Nothing of it stays behind. The gateway is a process of its own that tells what it holds (rig/leaks_gateway).
"The start" is read after a warm-up of the same kind, for caches, pools and arenas fill once. What is counted
must be as it was: sockets less idle kept-alive ones, tasks, exchanges, calls, the key's slots. Objects and
blocks of memory may differ by the tolerances below: a request that left one object behind would show as
10,000.
"""

import argparse
import asyncio
import hashlib
import random
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx2
import uvloop
from msgspec import Struct

from interlock_testing.behaviour import healthy
from interlock_testing.faulty import FaultyProvider
from interlock_testing.misbehave import MisbehavingServer, refusing, silence, unanswering
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.drills.rig.leaks_load import (
    KEY,
    PATHS,
    WAYS,
    Caller,
    Leaves,
    fail_all,
    invent_all,
    leave_all,
)
from tests.drills.rig.report import Findings, Report
from tests.libs.interlock_upstream.certificates import make_identity

LINE: Final = "leaks"
EXACT: Final = ("sockets", "tasks", "exchanges", "upstream in use", "key in flight", "exchanges alive")
MOST_OBJECTS: Final = 1_000
"""Tracked objects: books by target and by failure class fill for a while. A tenth of one an attempt."""
MOST_BLOCKS: Final = 20_000
"""Blocks of memory of any size: two an attempt; interned names and numbers come and go."""
OF_A_CONNECTION: Final = {"objects": 25, "blocks": 45}
"""What a kept-alive connection is made of; how many there are is chance, and their bound the pool's."""
MOST_MB: Final = 12.0
"""Resident memory: the allocator gives arenas back only when they are empty. 10,000 attempts that lost 2 KB
each would show as 20."""
NOTICE_S: Final = 0.3
"""A closed connection is noticed at the loop's next turn; between two readings many turns pass."""
CONFIG: Final = """
providers:
  faulty: {{base_url: "{faulty}/v1", api_key: none, apis: [chat, completions, responses]}}
  claude: {{base_url: "{faulty}", api_key: none, apis: [messages]}}
  refused: {{base_url: "http://127.0.0.1:{refused}/v1", api_key: none, apis: [{apis}]}}
  unanswered: {{base_url: "http://127.0.0.1:{unanswered}/v1", api_key: none, apis: [{apis}]}}
  untrusted: {{base_url: "{untrusted}/v1", api_key: none, apis: [{apis}]}}
  not-tls: {{base_url: "https://127.0.0.1:{plain}/v1", api_key: none, apis: [{apis}]}}
  atlas: {{base_url: "{atlas}", api_key: none}}
pools:
  chat: [atlas/large]
  fails: [{fails}]
policy:
  attempts: {{retries_per_target: 0}}
  timeouts: {{connect: 200ms, first_token: {limit}, response: {limit}, stall: {limit}}}
  cooldown: {{strikes: 1000, consecutive: 1000, min_ratio: 1.0, retry_after_cap: 1ms, {soon}}}
  budgets: {{retry_floor_per_s: 10000}}
keys:
  - {{name: all, sha256: "{key}", max_in_flight: 100000}}
server: {{max_concurrent: 4000}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How many attempts and streams, of how many chunks; and the limit that ends a stall."""

    seed: int = 1
    attempts: int = 10_000
    streams: int = 2_000
    chunks: int = 40
    names: int = 9_000
    """Above what the gateway keeps of names that clients invent."""
    warm_share: float = 0.4
    limit: str = "400ms"


class Stage:
    """The gateway, those behind it, and its client."""

    def __init__(self, url: str, faulty: FaultyProvider, caller: Caller) -> None:
        self._url = url
        self.faulty = faulty
        self.caller = caller

    async def held(self) -> dict[str, Any]:
        """What the gateway holds once nothing runs, and once it has noticed that its client hung up."""
        await self.caller.hang_up()
        before: dict[str, Any] = {}
        while True:
            async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
                found: dict[str, Any] = (await client.get(f"{self._url}/settled")).json()
            found["sockets"] -= found["upstream idle"]
            if before and found["sockets"] >= before["sockets"]:
                return found
            before = found
            await asyncio.sleep(NOTICE_S)


@asynccontextmanager
async def staged(options: Options, folder: Path) -> AsyncIterator[tuple[Stage, SimulatedProvider]]:
    """Everything started."""
    async with AsyncExitStack() as stack:
        faulty = await stack.enter_async_context(FaultyProvider("faulty"))
        behaviour = healthy(first_token_ms=150, interval_ms=20, chunks=options.chunks)
        atlas = await stack.enter_async_context(SimulatedProvider("atlas", behaviour))
        plain = await stack.enter_async_context(MisbehavingServer(silence))
        nobody_trusts = make_identity(folder).server_context()
        tls = await stack.enter_async_context(MisbehavingServer(silence, tls=nobody_trusts))
        config = CONFIG.format(
            faulty=faulty.root_url,
            refused=stack.enter_context(refusing()),
            unanswered=stack.enter_context(unanswering()),
            untrusted=tls.url,
            plain=plain.port,
            atlas=atlas.url,
            limit=options.limit,
            apis=", ".join(PATHS),
            soon="span: 1, span_time: 500ms, window: 1s",
            fails=", ".join({way.target(api): None for way in WAYS for api in PATHS}),
            key=hashlib.sha256(KEY.encode()).hexdigest(),
        )
        (folder / "interlock.yaml").write_text(config, encoding="utf-8")
        process = _gateway(folder)
        await stack.enter_async_context(process)
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            port = (await client.get(process.url)).json()["port"]
        caller = Caller(port)
        stack.push_async_callback(caller.close)
        yield Stage(process.url, faulty, caller), atlas


def _gateway(folder: Path) -> ServerProcess:
    port = free_port()
    words = [
        sys.executable,
        "-m",
        "tests.drills.rig.leaks_gateway",
        str(folder / "interlock.yaml"),
        str(port),
    ]
    return ServerProcess(words, url=f"http://127.0.0.1:{port}", log_path=folder / "gateway.log")


async def run(options: Options, folder: Path) -> Findings:
    """All three, each after its warm-up."""
    _more_files()
    findings, draw = Findings(), random.Random(options.seed)
    async with staged(options, folder) as (stage, atlas):
        await _failing(options, stage, findings, draw)
        await _leaving(options, stage, atlas, findings, draw)
        if options.names:
            await _inventing(options, stage, findings)
    return findings


async def _failing(options: Options, stage: Stage, findings: Findings, draw: random.Random) -> None:
    async def fail(requests: int) -> Counter[str]:
        return await fail_all(stage.caller, stage.faulty, requests=requests, draw=draw)

    await fail(int(options.attempts * options.warm_share))
    before, began = await stage.held(), monotonic()
    seen = await fail(options.attempts)
    after = await stage.held()
    failed = after["failed attempts"] - before["failed attempts"]
    findings.counts |= {
        "failed attempts": failed,
        "ways to fail": len(WAYS),
        "clients told so (4xx or 5xx)": sum(n for name, n in seen.items() if name[-3] in "45"),
        "streams that broke after content": sum(n for name, n in seen.items() if name.endswith(" 200")),
    }
    findings.figures["failing, s"] = round(monotonic() - began, 1)
    findings.check("all attempts failed", held=failed == options.attempts, seen=failed)
    _judge("after failed attempts", before, after, findings)


async def _leaving(
    options: Options, stage: Stage, atlas: SimulatedProvider, findings: Findings, draw: random.Random
) -> None:
    await leave_all(stage.caller, streams=options.streams, draw=draw)
    before, began = await stage.held(), monotonic()
    left = await leave_all(stage.caller, streams=options.streams, draw=draw)
    after = await stage.held()
    findings.counts["streams at once"] = options.streams
    findings.figures["leaving, s"] = round(monotonic() - began, 1)
    findings.figures |= {f"clients that left {when.value}": left[when] for when in Leaves}
    _judge("after clients have left", before, after, findings)
    await until(lambda: not atlas.open, timeout_s=20, what="the provider to be asked for nothing")
    findings.check("the provider works for nobody", held=not atlas.open, seen=atlas.open)


async def _inventing(options: Options, stage: Stage, findings: Findings) -> None:
    await invent_all(stage.caller, first=0, names=options.names)
    before, began = await stage.held(), monotonic()
    await invent_all(stage.caller, first=options.names, names=options.names)
    after = await stage.held()
    findings.counts["invented names"] = 2 * options.names
    findings.figures["inventing, s"] = round(monotonic() - began, 1)
    _judge("after invented names", before, after, findings)


def _judge(when: str, before: dict[str, Any], after: dict[str, Any], findings: Findings) -> None:
    names = [
        *EXACT,
        "objects",
        "blocks",
        "resident, MB",
        "upstream idle",
        "cycles alive",
        "connections alive",
    ]
    findings.figures[when] = {name: {"before": before[name], "after": after[name]} for name in names}
    for name in EXACT:
        same = after[name] <= before[name]
        findings.check(f"{name}: back to the start", held=same, seen=(when, before[name], after[name]))
    idle = max(0, after["upstream idle"] - before["upstream idle"])
    for name, most in (("objects", MOST_OBJECTS), ("blocks", MOST_BLOCKS), ("resident, MB", MOST_MB)):
        grown = after[name] - before[name] - idle * OF_A_CONNECTION.get(name, 0)
        findings.check(f"{name}: within {most} of the start", held=grown <= most, seen=(when, grown))


def _more_files() -> None:
    """Each stream takes two descriptors here and two in the gateway, which inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Run at full size and write reports/leaks.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--attempts", type=int, default=Options().attempts)
    wanted.add_argument("--streams", type=int, default=Options().streams)
    args = wanted.parse_args()
    options = Options(seed=args.seed, attempts=args.attempts, streams=args.streams)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    with tempfile.TemporaryDirectory(prefix="interlock-leaks-") as folder:
        findings = uvloop.run(run(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
