"""The database is lost and an older copy is put back, by the commands of docs/runbooks/restore.md.

Two gateways serve the whole time, are never restarted, and answer every request. A copy is made; then
operators decide more, in single decisions and in a batch. Then the database is dropped. Afterwards there is
one history: the journal is entry by entry what it was, every gateway routes by the state that the control
plane shows, and the next decision binds them all.
"""

import argparse
import asyncio
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from msgspec import Struct

from interlock_testing.behaviour import fail
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import run_alone
from tests.drills.rig.compose import ComposedCell, composed_cell
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.runbook import runbook
from tests.drills.rig.staged import GATEWAYS, Stage, serving

LINE: Final = "restore"
LATE_S: Final = 60.0
JOURNAL: Final = (
    "SELECT position, stream, version, id, type, body, log_position FROM journal ORDER BY position"
)


class Options(Struct, frozen=True, kw_only=True):
    """How many decisions the copy knows, how many come after it, and the minutes between, in seconds."""

    seed: int = 1
    before: int = 20
    after: int = 200
    between_s: float = 60.0


async def run(options: Options, cell: ComposedCell, config: str) -> Findings:
    """Serve, copy, decide, lose, restore."""
    findings = Findings()
    pages = runbook("restore")
    async with serving(cell, findings) as stage:
        await _decide(stage, options.before)
        await stage.follow(pages["backup"], "backup")
        await _decide(stage, options.after)
        await _batch(stage, config)
        await asyncio.sleep(options.between_s)
        before, pids = await _journal(cell), {name: _pid(cell, name) for name in GATEWAYS}
        state = await _settled(stage)
        began = monotonic()
        told = await stage.follow(pages["mend"], "mend")
        mended_s = monotonic() - began
        await until(lambda: stage.asked.all_of(2), timeout_s=LATE_S, what="all gateways to follow")
        followed_s = monotonic() - began
        await stage.follow(pages["check"], "check")
        _judge_history(findings, before, await _journal(cell), told)
        findings.check("the state is what it was", held=await _settled(stage) == state)
        await stage.binds_all("openai/large", then="groq/large")
        findings.check(
            "no gateway was started again", held=pids == {name: _pid(cell, name) for name in GATEWAYS}
        )
        findings.figures |= {
            "the commands of the page, s": round(mended_s, 1),
            "until all gateways followed again, s": round(followed_s, 1),
        }
    return findings


async def _decide(stage: Stage, number: int) -> None:
    """Single decisions about a target that nobody asks for."""
    for n in range(number):
        state = "disabled" if n % 2 else "drained"
        await stage.decide("/targets/spare/large/state", {"state": state, "reason": f"decision {n}"})


async def _batch(stage: Stage, config: str) -> None:
    """A new revision: several events in one transaction, and the last word before the loss."""
    more = config.replace("policy: {}", "policy: {attempts: {retries_per_target: 0}}")
    assert more != config
    async with stage.control() as http:
        answer = await http.post("/config/apply", content=more, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text
        told = {"min_position": answer.json()["position"]}

        async def shown() -> bool:  # a read waits 3 s for its position, a busy machine may take longer
            seen = await http.get("/targets/spare/large", params=told)
            assert seen.status_code in {200, 503}, seen.text
            return seen.status_code == 200

        await until(shown, timeout_s=LATE_S, what="the last word to be shown")


def _judge_history(findings: Findings, before: list[Any], after: list[Any], told: str) -> None:
    same = [one == other for one, other in zip(before, after, strict=False)]
    findings.counts["decisions in the journal"] = len(before)
    findings.counts["decisions taken back"] = told.count("taken back  j")
    findings.check(
        "the journal is entry by entry what it was",
        held=len(before) == len(after) and all(same),
        seen=(len(before), len(after), same.count(False)),
    )
    findings.check("what was taken back is listed", held=findings.counts["decisions taken back"] > 0)


async def _settled(stage: Stage) -> Any:
    """The targets as the control plane shows them, without what counts down."""
    found = await stage.seen("/targets")
    return [
        (one["id"], {shape: (seen["state"], seen["reasons"]) for shape, seen in one["shapes"].items()})
        for one in found
    ]


async def _journal(cell: ComposedCell) -> list[Any]:
    connection: Any = await asyncpg.connect(cell.here.database_url, timeout=20.0)
    try:
        return [tuple(row) for row in await connection.fetch(JOURNAL)]
    finally:
        await connection.close()


def _pid(cell: ComposedCell, name: str) -> int:
    return cell.services[name].process.pid


def main() -> None:
    """Run at full size and write reports/restore.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--after", type=int, default=Options().after)
    wanted.add_argument("--between", type=float, default=Options().between_s)
    args = wanted.parse_args()
    options = Options(seed=args.seed, after=args.after, between_s=args.between)
    report = Report(LINE, seed=args.seed, full=options == Options(seed=args.seed))
    run_alone(report, partial(alone, options))


async def alone(options: Options, folder: Path) -> Findings:
    """In a cell of its own."""
    async with SimulatedProvider("openai") as openai, SimulatedProvider("sick", fail(500)) as spare:
        config = declaring({"openai": openai.url, "groq": openai.url, "spare": spare.url}, pools=POOLS)
        async with composed_cell(folder, config) as cell:
            return await run(options, cell, config)


POOLS: Final = "{chat: [openai/large, groq/large], other: [spare/large, groq/large]}"


if __name__ == "__main__":
    main()
