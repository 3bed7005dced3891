"""Recorded decisions, recomputed byte for byte in a second process from a copy of the log.

A quickstart decides over four simulated providers with failing schedules, while an operator keeps changing
his mind; then the file is copied and a second process makes every decision again. Last, one AttemptFailed of
the copy that opened a cooldown is rewritten as class `conflict`: decisions taken during that cooldown must
come out different, and none with an earlier snapshot may.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock_domain.projection.effects import Effect
from interlock_domain.words import EffectKind
from interlock_testing.behaviour import Behaviour, Kind, Schedule, cut, fail, healthy, repeating
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.client import ChatClient
from tests.drills.rig.operator import Operator
from tests.drills.rig.quickstart import Quickstart, document
from tests.drills.rig.recheck import in_second_process
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.rest import copy

LINE: Final = "recompute"
WORKERS: Final = 16
RATE: Final = 400.0
"""Requests a second at most: with shorter cooldowns than a second, each schedule goes round several times."""
MODELS: Final = {"chat": 50, "spread": 24, "lottery": 20, "atlas/large": 5, "nobody": 1}
"""What is asked for, by weight; nobody is no model."""
_WEIGHTED: Final = (list(MODELS), list(MODELS.values()))
OK: Final = healthy(latency_ms=2, interval_ms=1, chunks=4)
LIMITED: Final = fail(429, headers={"retry-after": "1"})
SCHEDULES: Final[dict[str, Schedule]] = {
    "atlas": repeating([(0.9, OK), (0.7, fail(500)), (1.6, OK), (0.2, LIMITED), (1.9, OK), (0.6, cut())]),
    "breeze": repeating([(1.7, OK), (0.6, Behaviour(kind=Kind.RESET)), (2.3, OK), (0.2, LIMITED)]),
    "cirrus": repeating([(1.2, OK), (0.8, Behaviour(kind=Kind.FAIL, only_tools=True, interval_ms=1))]),
    "delta": repeating([(9.0, OK)]),
}
CONFIG: Final = """
providers:
{providers}
targets:
  delta/large: {{capabilities: [json_schema]}}
pools:
  chat: [atlas/large, breeze/large, cirrus/large, delta/large]
  spread:
    strategy: weighted_round_robin
    members: [{{target: atlas/large, weight: 2}}, {{target: breeze/large}}, {{target: cirrus/large}}]
  lottery:
    strategy: weighted_random
    members: [{{target: breeze/large}}, {{target: cirrus/large, weight: 3}}, {{target: delta/large}}]
policy:
  attempts: {{backoff: {{initial: 5ms, max: 20ms}}}}
  cooldown: {{initial: 600ms, max: 2s, span_time: 1s}}
  half_open: {{probe_interval: 200ms, ramp: 800ms}}
"""


class Options(Struct, frozen=True, kw_only=True):
    """How much, and the seed of everything random."""

    seed: int = 1
    requests: int = 10_000


async def run(options: Options, folder: Path) -> Findings:
    """Record, copy, recompute, rewrite, recompute."""
    findings = Findings()
    copied = folder / "copy.db"
    async with AsyncExitStack() as stack:
        providers = [SimulatedProvider(name, schedule=schedule) for name, schedule in SCHEDULES.items()]
        for provider in providers:
            await stack.enter_async_context(provider)
        listed = "\n".join(
            f"  {one.name}: {{base_url: '{one.url}', api_key: none, apis: [chat]}}" for one in providers
        )
        served = Quickstart(folder, CONFIG.format(providers=listed))
        stack.callback(served.kill)
        await served.start()
        await _drive(served, options, findings)
        await until(
            lambda: _kept(served.database) >= options.requests, timeout_s=60, what="every record to be stored"
        )
        copy(served.database, copied)
        await _is_answered_by_the_api(served, findings)
        await served.stop()
    before = await in_second_process(copied)
    _judge(before, options, findings)
    opened = _choose(copied, before, options.seed)
    _rewrite(copied, opened.position)
    _judge_rewritten(await in_second_process(copied), opened, findings)
    return findings


async def _drive(served: Quickstart, options: Options, findings: Findings) -> None:
    """Send the requests while the operator acts."""
    draw = random.Random(options.seed)
    client, statuses = ChatClient(f"{served.url}/v1"), Counter[int]()
    left, began = iter(range(options.requests)), time.monotonic()

    async def worker() -> None:
        for number in left:
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            asked = {"stream": draw.random() < 0.3, "tools": draw.random() < 0.35}
            statuses[(await client.ask(draw.choices(*_WEIGHTED)[0], **asked)).status] += 1

    async with served.admin() as admin:
        operator = Operator(
            admin, random.Random(options.seed + 1), targets=[f"{name}/large" for name in SCHEDULES]
        )
        acting = asyncio.create_task(operator.keep_acting(0.3))
        try:
            await asyncio.gather(*(worker() for _ in range(WORKERS)))
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
            await client.close()
    findings.counts["requests"] = options.requests
    findings.counts["operator commands"] = operator.accepted
    findings.counts["answers by status"] = {str(status): count for status, count in sorted(statuses.items())}


async def _is_answered_by_the_api(served: Quickstart, findings: Findings) -> None:
    """The running control plane must come to the same verdict as the second process, for the newest."""
    async with served.admin() as admin:
        newest = (await document(admin, "/requests", limit=20))["requests"]
        verdicts = [
            (await document(admin, f"/requests/{one['request_id']}"))["proof"]["verdict"] for one in newest
        ]
    findings.check(
        "the control plane proves the newest requests equal", held=set(verdicts) == {"equal"}, seen=verdicts
    )


def _judge(found: dict[str, Any], options: Options, findings: Findings) -> None:
    equal, records = found["verdicts"].get("equal", 0), found["records"]
    share = found["excluded"] / max(1, records)
    findings.counts |= {
        "decisions recomputed": records,
        "equal": equal,
        "differs": found["verdicts"].get("differs", 0),
        "snapshots compiled": found["snapshots"],
        "events folded": found["events"],
        "decisions with an exclusion": found["excluded"],
        "reason codes": len(found["reasons"]),
    }
    findings.figures |= {"share with an exclusion": round(share, 3), "second process, s": found["seconds"]}
    findings.figures["reasons"] = found["reasons"]
    findings.check("every request has its record", held=records == options.requests, seen=records)
    findings.check("all recomputed decisions are equal", held=equal == records > 0, seen=found["verdicts"])
    findings.check("at least 5 reason codes", held=len(found["reasons"]) >= 5, seen=found["reasons"])
    findings.check("at least 20 % of decisions with an exclusion", held=share >= 0.2, seen=share)


def _choose(copied: Path, found: dict[str, Any], seed: int) -> Effect:
    """A cooldown that one failure opened and that at least one decision names as its reason."""
    with closing(sqlite3.connect(copied)) as connection:
        sql = "SELECT body FROM transition WHERE kind = ? ORDER BY position"
        rows = connection.execute(sql, (EffectKind.COOLDOWN_OPENED.value,)).fetchall()
    opened = [msgspec.json.decode(body, type=Effect) for (body,) in rows]
    named = [one for one in opened if one.failure is not None and str(one.position) in found["causes"]]
    if not named:
        raise AssertionError("no decision was taken during a cooldown that a failure had opened")
    return random.Random(seed).choice(named)


def _rewrite(copied: Path, position: int) -> None:
    """The same event in the same place, of class `conflict`."""
    with closing(sqlite3.connect(copied)) as connection, connection:
        sql = "SELECT type, body FROM events WHERE position = ?"
        kind, body = connection.execute(sql, (position,)).fetchone()
        document = json.loads(body)
        if kind != "AttemptFailed" or document["data"]["class"] == "conflict":
            raise AssertionError(f"event {position} is no failure that opened a cooldown: {body!r}")
        document["data"]["class"] = "conflict"
        rewritten = json.dumps(document, separators=(",", ":")).encode()
        connection.execute("UPDATE events SET body = ? WHERE position = ?", (rewritten, position))


def _judge_rewritten(found: dict[str, Any], opened: Effect, findings: Findings) -> None:
    """Count what differs during the cooldown and before it."""
    until_ms = opened.until_ms or opened.at_ms
    differs = [(position, as_of) for position, as_of, verdict in found["places"] if verdict != "equal"]
    during = sum(position >= opened.position and as_of < until_ms for position, as_of in differs)
    earlier = sum(position < opened.position for position, _ in differs)
    findings.counts |= {
        "after the rewrite: differ, taken during that cooldown": during,
        "after the rewrite: differ, with an earlier snapshot": earlier,
        "after the rewrite: differ, in all": len(differs),
    }
    findings.figures["rewritten"] = (
        f"event {opened.position}: {opened.failure} on {opened.subject}, {opened.shape}"
    )
    findings.check("the rewrite shows in a decision of that cooldown", held=during >= 1, seen=during)
    findings.check("no decision with an earlier snapshot differs", held=earlier == 0, seen=earlier)


def _kept(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM requests").fetchone()[0])


def main() -> None:
    """Run at full size and write reports/recompute.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--requests", type=int, default=10_000)
    args = wanted.parse_args()
    options = Options(seed=args.seed, requests=args.requests)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    with tempfile.TemporaryDirectory(prefix="interlock-recompute-") as folder:
        findings = asyncio.run(run(options, Path(folder)))
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
