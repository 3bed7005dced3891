"""Every cell of the fault matrix at the true limits: two retries, 30 s for everything, one fallback.

Cells that a limit ends run all at once, so the whole takes little more than two limits: each is asked twice.
What was seen is held against the rules, cell by cell, and written to docs/fault-matrix.md. Cells, rules and
page are those of the tests (tests/services/interlock_gateway/faults), which have limits of a second.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

import uvloop
from msgspec import Struct

from tests.drills.rig.report import Findings, Report
from tests.services.interlock_gateway.faults.cells import MODES, TIMED, Cell, cells_of
from tests.services.interlock_gateway.faults.expected import expected
from tests.services.interlock_gateway.faults.page import PAGE, WORDS, page
from tests.services.interlock_gateway.faults.stage import Limits, Seen, staged

LINE: Final = "fault_matrix"
CELLS: Final = tuple(cell for surface, stream in MODES for cell in cells_of(surface, stream=stream))
RULES: Final = "every cell ends as the rules say"
HONEST: Final = "no silence, no false success, no second attempt that nobody counts"
SLACK_S: Final = 2.0
"""Beyond the one limit: gateway, client and providers share one process."""
PROMPT: Final = "no client waits longer than the one limit that its fault is ended by"


class Options(Struct, frozen=True, kw_only=True):
    """The limit of every phase of every attempt."""

    limit_s: float = 30.0


async def run(options: Options, folder: Path, findings: Findings) -> dict[Cell, Seen]:
    """Play all cells and judge them."""
    limits = Limits(short_s=options.limit_s, long_s=options.limit_s)
    async with staged(CELLS, folder, limits) as stage:
        seen = await stage.play(CELLS)
    for cell, found in seen.items():
        right = found.outcome == expected(cell)
        findings.check(RULES, held=right, seen=f"{cell.name}: {found.outcome}")
        findings.check(HONEST, held=found.unhonest is None, seen=f"{cell.name}: {found.unhonest}")
        longest_s = (options.limit_s if cell.fault in TIMED else 0.0) + SLACK_S
        findings.check(PROMPT, held=found.took_s <= longest_s, seen=f"{cell.name}: {found.took_s:.1f} s")
    findings.counts |= {
        "faults": len({cell.fault for cell in CELLS}),
        "client APIs, whole and streamed": len(MODES),
        "cells": len(seen),
        "requests": 2 * len(seen),
        "cells as the rules say": sum(found.outcome == expected(cell) for cell, found in seen.items()),
    }
    findings.figures["longest wait of a client, s"] = _waits(seen)
    return seen


def _waits(seen: dict[Cell, Seen]) -> dict[str, dict[str, float]]:
    """Of the faults that a limit ends, and of all others together."""
    rows: dict[str, dict[str, float]] = {}
    for cell, found in seen.items():
        row = rows.setdefault(WORDS[cell.fault] if cell.fault in TIMED else "every other fault", {})
        column = "alone" if cell.alone else "with the fallback"
        row[column] = round(max(row.get(column, 0.0), found.took_s), 2)
    return rows


def main() -> None:
    """Run at full size, write reports/fault_matrix.json and docs/fault-matrix.md."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--limit-s", type=float, default=30.0)
    args = wanted.parse_args()
    options = Options(limit_s=args.limit_s)
    report = Report(LINE, seed=args.seed, full=options == Options())
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="interlock-faults-") as folder:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(run(options, Path(folder), findings))
    if options == Options():
        PAGE.write_text(page({cell: found.outcome for cell, found in seen.items()}), encoding="utf-8")
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
