"""Interlock beside other gateways: one mock, one load, one machine, one run.

    python -m benchmarks.peers             four rounds and the failover table, about eleven minutes
    python -m benchmarks.peers --quick     one short round; writes no report

Needs nginx, wrk, node with npm, and what a cell needs (Kafka and PostgreSQL, as `make test` finds them).
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.page import write_page
from benchmarks.peers.compared import Gateway, nginx
from benchmarks.peers.failover import REQUESTS, failovers
from benchmarks.peers.installed import Missing
from benchmarks.peers.marks import MARKS, SHARES
from benchmarks.peers.measure import KINDS, UNARY, figures, rounds, share, times
from benchmarks.peers.ours import INTERLOCK, interlock, quickstart
from benchmarks.peers.theirs import litellm_proxy, portkey_gateway
from benchmarks.peers.upstreams import upstreams
from benchmarks.report import ROOT, table, verdict, write
from tests.drills.rig.ground import opened_cell


async def run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start everything, measure, stop."""
    async with AsyncExitStack() as stack:
        ups = await stack.enter_async_context(upstreams(folder))
        others: list[Gateway] = []
        missing: list[str] = []
        if not args.without_cell:
            cell = await stack.enter_async_context(opened_cell(folder))
            others.append(await stack.enter_async_context(interlock(cell, ups)))
        starting = [quickstart, portkey_gateway, litellm_proxy][: 1 if args.ours else 3]
        for start in starting:
            found = await stack.enter_async_context(start(_made(folder / start.__name__), ups))
            if isinstance(found, Missing):
                missing.append(found.why)
            else:
                others.append(found)
        for sentence in missing:
            print(f"!!! NOT MEASURED: {sentence}", file=sys.stderr)
        floor = nginx(ups)
        count, seconds = (1, 1) if args.quick else (args.rounds, None)
        direct = await rounds(ups, floor, others, count=count, seconds=seconds)
        measured = figures(floor, others, direct) | {"rounds": count, "not_measured": missing}
        measured["failover"] = await failovers(others, ups.broken, 50 if args.quick else REQUESTS)
        return measured | judged(others, measured)


def judged(others: list[Gateway], measured: dict[str, Any]) -> dict[str, Any]:
    """The marks and what was seen of them."""
    by_name = {one.name: one for one in others}
    ours = by_name.get(INTERLOCK, others[0])
    kinds = {kind.name: kind for kind in KINDS}
    seen: dict[str, dict[str, float]] = {}
    for mark in MARKS:
        found = times(ours, kinds[mark.kind])["median"]
        seen[f"{mark.words}: times nginx"] = {"seen": found, "at most": mark.times_nginx}
    for name, part in SHARES.items():
        if name in by_name:
            found = share(ours, by_name[name], UNARY)
            seen[f"unary, 32 connections: part of {name}"] = {
                "seen": round(found, 4),
                "at most": round(part, 4),
            }
    held = all(one["seen"] <= one["at most"] for one in seen.values())
    whole = not measured["failed"][ours.name] and not measured["not_measured"]
    return {"marks": seen, "verdict": "ok" if held and whole else "missed"}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    """Print the tables, write reports/bench-peers.json and docs/benchmarks.md."""
    wanted = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    wanted.add_argument("--rounds", type=int, default=4)
    wanted.add_argument("--quick", action="store_true", help="one short round; writes no report")
    wanted.add_argument("--ours", action="store_true", help="Interlock and nginx alone; writes no report")
    wanted.add_argument("--without-cell", action="store_true", help="no gateway of a cell; writes no report")
    args = wanted.parse_args()
    missing = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} not found: install them (apt-get install nginx wrk)")
    with tempfile.TemporaryDirectory(prefix="interlock-peers-") as folder:
        measured = asyncio.run(run(args, Path(folder)))
    tell(measured)
    if not (args.quick or args.ours or args.without_cell):
        print(f"\n{measured['verdict']}: written to {write('bench-peers', measured).relative_to(ROOT)}")
        print(f"and {write_page().relative_to(ROOT)}")


def tell(measured: dict[str, Any]) -> None:
    """The tables, for people who watch."""
    rows = [
        (
            name,
            *cpu.values(),
            measured["paced_chunk_us"][name],
            measured["added_p50_ms"][name],
            measured["resident_mb"][name],
            measured["failed"][name],
        )
        for name, cpu in measured["cpu_us"].items()
    ]
    words = [kind.words for kind in KINDS]
    print(table(("CPU us", *words, "us a paced chunk", "added p50 ms", "resident MB", "failed"), rows))
    print()
    spread = [
        (name, *(f"{one['median']} ({one['least']}..{one['most']})" for one in each.values()))
        for name, each in measured["times_nginx"].items()
    ]
    print(table(("times nginx", *words), spread))
    print()
    failover = [(way, *seen.values()) for way, seen in measured["failover"].items()]
    print(table(("failover", "requests", "attempts at the broken one", "errors"), failover))
    print()
    marks = [(n, one["seen"], verdict(one["seen"], one["at most"])) for n, one in measured["marks"].items()]
    print(table(("mark", "seen", "limit"), marks))


if __name__ == "__main__":
    main()
