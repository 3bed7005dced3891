"""docs/sdk-matrix.md, made from reports/sdk_cells.json: every case of every SDK, and what is meant to differ.

Rule: no cell is typed by hand. A column for each mode of a generation was dropped: the two agree, and where
they do not the cell says both.

    python -m tests.sdk.page
"""

import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final

from tests.sdk.compare import Verdict
from tests.sdk.listed import LISTED
from tests.sdk.matrix import ROOT, Matrix

PAGE: Final = ROOT / "docs/sdk-matrix.md"
CELLS: Final = ROOT / "reports/sdk_cells.json"
LETTERS: Final = {listed.name: ascii_lowercase[at] for at, listed in enumerate(LISTED)}
HEAD: Final = """# What the user of an official SDK sees

Each case is a small program over an official SDK. It runs twice: straight at a provider, and through a
gateway before the same provider, asked for an exact target. What its user sees is written down whole on both
sides: types, texts, every event of a stream, headers, exceptions by class, status, code and body; and so is
what reached the provider: path, query, body and headers, byte for byte, apart from credentials and what
belongs to one connection. Then the two are compared. Python SDKs run with their synchronous and their
asynchronous client; a cell with two signs has one for each.

Made by `make drills DRILLS=sdk_matrix`; the newest of each SDK runs in `make test`. `=`: nothing differs.
A letter: this differs and is meant to, and nothing else does. `-`: this SDK cannot do it. `!`: it differs.
"""
_SIGNS: Final = {Verdict.EQUAL: "=", Verdict.ABSENT: "-", Verdict.DIFFERENT: "!"}


def cells(matrices: list[Matrix]) -> list[dict[str, Any]]:
    """The matrices as plain JSON: of each cell a sign, or the names of what is listed."""
    return [
        {
            "sdk": one.sdk,
            "version": one.version,
            "runtime": one.runtime,
            "modes": {
                mode: {
                    case: _SIGNS.get(cell.verdict) or ", ".join(sorted(cell.listed))
                    for case, cell in found.items()
                }
                for mode, found in one.cells.items()
            },
        }
        for one in matrices
    ]


def page(columns: list[dict[str, Any]]) -> str:
    """The whole page of such cells."""
    lines = [HEAD, "## What is meant to differ", "", "| | difference | reason |", "|---|---|---|"]
    lines += [f"| {LETTERS[each.name]} | {each.name} | {each.reason} |" for each in LISTED]
    lines += ["", "## Counted", "", *_counted(columns)]
    for sdk in dict.fromkeys(column["sdk"] for column in columns):
        lines += ["", f"## {sdk}", "", *_table([column for column in columns if column["sdk"] == sdk])]
    return "\n".join(lines) + "\n"


def _counted(columns: list[dict[str, Any]]) -> Iterator[str]:
    yield "| SDK | mode | cases | equal | listed | cannot | differs |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for column in columns:
        for mode, found in column["modes"].items():
            signs = list(found.values())
            plain = [signs.count(sign) for sign in ("=", "-", "!")]
            counts = [len(signs), plain[0], len(signs) - sum(plain), *plain[1:]]
            yield f"| {_named(column)} | {mode} | {' | '.join(map(str, counts))} |"


def _table(columns: list[dict[str, Any]]) -> Iterator[str]:
    cases = dict.fromkeys(case for column in columns for mode in column["modes"].values() for case in mode)
    yield f"| case | {' | '.join(map(_named, columns))} |"
    yield f"|---|{'---|' * len(columns)}"
    for case in cases:
        yield f"| {case} | {' | '.join(_cell(column, case) for column in columns)} |"


def _cell(column: dict[str, Any], case: str) -> str:
    signs = dict.fromkeys(_sign(found.get(case, "")) for found in column["modes"].values())
    return " / ".join(signs)


def _sign(cell: str) -> str:
    return "".join(sorted(LETTERS.get(name, name) for name in cell.split(", ")))


def _named(column: dict[str, Any]) -> str:
    language = "Node " if column["runtime"].startswith("Node") else ""
    return f"{language}{column['sdk']} {column['version']}"


def main() -> None:
    """Write the page."""
    told = json.loads(CELLS.read_text(encoding="utf-8"))
    PAGE.write_text(page(told["columns"]), encoding="utf-8")
    print(f"written to {PAGE.relative_to(Path(ROOT))}")


if __name__ == "__main__":
    main()
