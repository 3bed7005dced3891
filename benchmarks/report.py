"""Where benchmark figures go: a table for people, `reports/<name>.json` for the documents."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """The commit that was measured, with `+` when the tree had changes."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "libs", "services", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(name: str, figures: dict[str, Any]) -> Path:
    """Write the figures with commit, machine size and Python version beside them."""
    path = ROOT / "reports" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    head = {"line": name, "commit": commit(), "python": platform.python_version(), "cores": os.cpu_count()}
    path.write_text(json.dumps(head | figures, indent=2) + "\n")
    return path


def committed(name: str) -> dict[str, Any]:
    """The report that the last commit holds; empty when it holds none."""
    try:
        found: dict[str, Any] = json.loads(_git("show", f"HEAD:reports/{name}.json"))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return found


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain aligned table: first column left, the others right."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    lines = [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(lines)


def verdict(figure: float, limit: float, *, at_least: bool = False) -> str:
    """`ok` or `over` (or `under`), with the limit."""
    good = figure >= limit if at_least else figure <= limit
    return f"ok ({'>=' if at_least else '<='} {limit:g})" if good else f"MISSED ({limit:g})"
