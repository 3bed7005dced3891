"""Every page of docs/runbooks, followed to the letter in a cell that has that trouble.

Each trouble is made by a function here; what is done about it, and how one knows that it worked, are the
commands of the page. Two gateways serve the whole time and answer every request. The restore has a drill
of its own (tests/drills/restore.py). A full disk is one that PostgreSQL tells: it refuses to write, with the
code of a full disk, as long as the tables that the page empties are large.
"""

import argparse
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from msgspec import Struct

from interlock_testing.behaviour import fail
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.alone import run_alone
from tests.drills.rig.compose import ComposedCell, composed_cell
from tests.drills.rig.report import Findings, Report
from tests.drills.rig.runbook import Block, runbook
from tests.drills.rig.staged import GATEWAYS, Stage, serving

LINE: Final = "runbooks"
LATE_S: Final = 60.0
SPARE: Final = "/targets/spare/large/state"
RELAY_LOCK: Final = 0x494C434B_00000003

Pages = Mapping[str, list[Block]]
Trouble = Callable[[Stage, Pages], Awaitable[None]]

_FULL: Final = """
INSERT INTO requests_other SELECT 'r' || n, 0, 'chat', NULL, 'success', 1, 1, repeat('x', 1000)::bytea
FROM generate_series(1, 500) AS n;
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF pg_total_relation_size('requests_other') > 400000 THEN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION no_room();
CREATE TRIGGER no_room BEFORE UPDATE ON projection FOR EACH STATEMENT EXECUTE FUNCTION no_room();
CREATE TRIGGER no_room BEFORE INSERT ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION no_room();
"""


async def kafka_lost(stage: Stage, pages: Pages) -> None:
    """Every topic is deleted; decisions of before are in force again, in another log."""
    for state in ("drained", "disabled"):
        await stage.decide(SPARE, {"state": state, "reason": "before the loss"})
    pids = {name: stage.cell.services[name].process.pid for name in GATEWAYS}
    await _delete_topics(stage.cell)
    await stage.follow(pages["look"], "look")
    await stage.follow(pages["mend"], "mend")
    await until(lambda: stage.asked.all_of(2), timeout_s=LATE_S, what="all gateways to follow")
    await stage.follow(pages["check"], "check")
    found = await stage.seen("/targets/spare/large")
    stage.findings.check("decisions of before are in force", held="disabled" in str(found), seen=found)
    same = pids == {name: stage.cell.services[name].process.pid for name in GATEWAYS}
    stage.findings.check("no gateway was started again", held=same)
    await stage.binds_all("openai/large", then="groq/large")


async def disk_full(stage: Stage, pages: Pages) -> None:
    """PostgreSQL refuses to write until the page made room."""
    await _run(stage.cell, _FULL)
    await stage.follow(pages["look"], "look")
    async with stage.control() as http:
        answer = await http.put(SPARE, json={"state": "drained"})
    stage.findings.check("a command is answered 507", held=answer.status_code == 507, seen=answer.text)
    await stage.follow(pages["mend"], "mend")
    await stage.follow(pages["check"], "check")
    await stage.binds_all("openai/large", then="groq/large")


async def bad_config(stage: Stage, pages: Pages) -> None:
    """A failing target comes first in the pool; the file of before comes back."""
    good = (stage.cell.here.folder / "interlock.yaml").read_text(encoding="utf-8")
    bad = good.replace("[openai/large,", "[wrong/large, openai/large,")
    assert bad != good
    async with stage.control() as http:
        answer = await http.post(
            "/config/apply", content=bad, headers={"if-match": "*"}, params={"reason": "a slip"}
        )
        assert answer.status_code == 200, answer.text
    for step in ("look", "mend", "check"):
        await stage.follow(pages[step], step)
    found = await stage.seen("/pools")
    stage.findings.check("the pool is as it was", held="wrong/large" not in str(found), seen=found)


async def stuck_relay(stage: Stage, pages: Pages) -> None:
    """A session that is none of ours holds the relay's lock."""
    await stage.cell.stop(["control"])
    stranger: Any = await asyncpg.connect(stage.cell.here.database_url, timeout=20.0)
    try:
        await stranger.execute(f"SELECT pg_advisory_lock({RELAY_LOCK})")
        await stage.cell.start(["control"])
        answer = await stage.decide(SPARE, {"state": "drained", "reason": "while it is stuck"})
        for step in ("look", "mend", "check"):
            await stage.follow(pages[step], step)
        async with stage.control() as http:
            read = await http.get("/targets/spare/large", params={"min_position": answer["position"]})
        stage.findings.check(
            "what was decided meanwhile is in force", held="drained" in read.text, seen=read.text
        )
    finally:
        stranger.terminate()


async def upgrade_order(stage: Stage, pages: Pages) -> None:
    """Everything is started anew, in the order of the page; one gateway after the other."""
    await stage.follow(pages["mend"], "mend")
    (one,) = pages["gateway"]
    for name in GATEWAYS:
        stage.away.add(name)  # the load balancer's part
        await stage.follow([Block(commands=one.commands.replace("gateway-1", name))], f"upgrade of {name}")
        stage.away.discard(name)
    await stage.follow(pages["check"], "check")
    await stage.binds_all("openai/large", then="groq/large")


TROUBLES: Final[Mapping[str, Trouble]] = {
    "kafka-lost": kafka_lost,
    "disk-full": disk_full,
    "bad-config": bad_config,
    "stuck-relay": stuck_relay,
    "upgrade-order": upgrade_order,
}


class Options(Struct, frozen=True, kw_only=True):
    """Which pages."""

    seed: int = 1
    pages: tuple[str, ...] = tuple(TROUBLES)


async def run(name: str, cell: ComposedCell) -> Findings:
    """One page in its cell."""
    findings = Findings()
    async with serving(cell, findings) as stage:
        await TROUBLES[name](stage, runbook(name))
    return findings


async def _delete_topics(cell: ComposedCell) -> None:
    topics = cell.topics
    names = [topics.events, topics.state, topics.requests, topics.transitions, topics.dead_letters]
    admin = AIOKafkaAdminClient(bootstrap_servers=list(cell.here.bootstrap), request_timeout_ms=30_000)
    await admin.start()
    try:
        await admin.delete_topics(names)

        async def gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        await until(gone, timeout_s=LATE_S, what="the topics to be gone")
    finally:
        await admin.close()


async def _run(cell: ComposedCell, sql: str) -> None:
    connection: Any = await asyncpg.connect(cell.here.database_url, timeout=20.0)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


POOLS: Final = "{chat: [openai/large, groq/large], other: [spare/large, groq/large]}"


async def alone(options: Options, folder: Path) -> Findings:
    """Each page in a cell of its own; a check is told with its page."""
    findings = Findings()
    for name in options.pages:
        found = await one(name, folder / name)
        findings.counts |= {f"{name}: {what}": value for what, value in found.counts.items()}
        findings.checks |= {f"{name}: {what}": held for what, held in found.checks.items()}
        findings.missed += [f"{name}: {sentence}" for sentence in found.missed]
    return findings


async def one(name: str, folder: Path) -> Findings:
    """One page, with providers and a cell."""
    async with SimulatedProvider("openai") as openai, SimulatedProvider("sick", fail(500)) as sick:
        urls = {"openai": openai.url, "groq": openai.url, "spare": sick.url, "wrong": sick.url}
        async with composed_cell(folder, declaring(urls, pools=POOLS)) as cell:
            return await run(name, cell)


def main() -> None:
    """Run the pages and write reports/runbooks.json."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("pages", nargs="*", default=list(TROUBLES))
    args = wanted.parse_args()
    options = Options(pages=tuple(args.pages))
    report = Report(LINE, seed=options.seed, full=options == Options())
    run_alone(report, partial(alone, options))


if __name__ == "__main__":
    main()
