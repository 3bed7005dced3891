"""Three generations of both Python SDKs, the newest of both for Node: what users see through a gateway.

Each generation runs in an environment of its own under .venv-sdk. Every case runs straight at a provider and
through a gateway, and the two must be equal apart from the listed differences (tests/sdk). Writes
reports/sdk_matrix.json, reports/sdk_cells.json and docs/sdk-matrix.md.
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.report import write
from tests.drills.rig.report import Findings, Report
from tests.sdk.compare import Verdict
from tests.sdk.listed import LISTED
from tests.sdk.matrix import Matrix, Runner, play
from tests.sdk.nodejs import Missing, installed
from tests.sdk.page import CELLS, PAGE, cells, page
from tests.sdk.runners import SDKS, generation_runner, generations, node_runner

LINE: Final = "sdk_matrix"
FEWEST: Final = 60
"""Cases of each SDK, each way."""


def runners(only: list[str], findings: Findings) -> dict[str, Runner]:
    """Every SDK by a name for people; those of Node where it can be installed."""
    found = {name: generation_runner(name) for name in generations() if not only or name in only}
    if only and "node" not in only:
        return found
    node = installed()
    if findings.check("node and its SDKs are there", held=not isinstance(node, Missing), seen=node):
        assert not isinstance(node, Missing)
        found |= {f"node {sdk}": node_runner(sdk, node.node) for sdk in SDKS}
    return found


async def run(wanted: dict[str, Runner], findings: Findings) -> list[Matrix]:
    """One SDK after the other."""
    matrices = []
    with tempfile.TemporaryDirectory(prefix="interlock-sdk-") as folder:
        for name, runner in wanted.items():
            print(f"--- {name}: {len(runner.cases)} cases, {' and '.join(runner.modes)}", flush=True)
            matrix = await play(runner, Path(folder))
            _judge(matrix, findings)
            matrices.append(matrix)
    return matrices


def _judge(matrix: Matrix, findings: Findings) -> None:
    for mode, found in matrix.cells.items():
        name = f"{matrix.sdk} {matrix.version} {mode}"
        counted = Counter(cell.verdict for cell in found.values())
        findings.figures.setdefault("SDK", {})[name] = {
            "cases": len(found),
            "equal": counted[Verdict.EQUAL],
            "listed": counted[Verdict.LISTED],
            "cannot": counted[Verdict.ABSENT],
        }
        seen = counted[Verdict.EQUAL] + counted[Verdict.LISTED]
        findings.check(
            f"at least {FEWEST} cases of each SDK, each way", held=seen >= FEWEST, seen=(name, seen)
        )
        for case, cell in found.items():
            findings.check(
                "what a user sees through the gateway is what he sees directly, but for what is listed",
                held=cell.verdict is not Verdict.DIFFERENT,
                seen=(name, case, *cell.found[:3]),
            )


def _judge_list(matrices: list[Matrix], findings: Findings) -> None:
    used = {
        listed
        for one in matrices
        for found in one.cells.values()
        for c in found.values()
        for listed in c.listed
    }
    unused = [listed.name for listed in LISTED if listed.name not in used]
    findings.check("every listed difference is seen", held=not unused, seen=unused)


def main() -> None:
    """Run at full size and write the report and the page."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, default=1, help="written into the report; nothing here is drawn")
    wanted.add_argument("--only", action="append", default=[], help="a generation, or `node`; writes no page")
    args = wanted.parse_args()
    findings = Findings()
    report = Report(LINE, seed=args.seed, full=not args.only)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        matrices = loop.run(run(runners(args.only, findings), findings))
    if not args.only:
        _judge_list(matrices, findings)
        columns = cells(matrices)
        write(CELLS.stem, {"columns": columns})
        PAGE.write_text(page(columns), encoding="utf-8")
    raise SystemExit(report.tell(findings))


if __name__ == "__main__":
    main()
