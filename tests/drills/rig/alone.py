"""A drill run by itself, from the command line: in a folder of its own, then its verdict.

Rule: what a drill needs around it is opened here and gone afterwards, however it ends; the drill itself is
the same function that the suite runs at a small scale, in a cell that tests share.
"""

import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import uvloop

from tests.drills.rig.cell import Cell
from tests.drills.rig.ground import opened_cell
from tests.drills.rig.report import Findings, Report


def run_alone(report: Report, drill: Callable[[Path], Coroutine[Any, Any, Findings]]) -> NoReturn:
    """Run it, write the report, and leave the process with its exit code."""
    with tempfile.TemporaryDirectory(prefix="interlock-") as folder:
        findings = uvloop.run(drill(Path(folder)))
    raise SystemExit(report.tell(findings))


def in_cell(
    drill: Callable[[Cell], Coroutine[Any, Any, Findings]],
) -> Callable[[Path], Coroutine[Any, Any, Findings]]:
    """The drill in a fresh cell below the folder."""

    async def opened(folder: Path) -> Findings:
        async with opened_cell(folder) as cell:
            return await drill(cell)

    return opened
