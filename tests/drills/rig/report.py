"""A drill's verdict: its figures with the commit and the seed beside them, as a file and as lines.

Rule: a drill states what must hold as named checks, and its verdict is all of them; a figure without a check
is for people. Dropped: asserting on the way, which ends a long run at its first surprise and reports nothing.
"""

import subprocess
from typing import Any, Final

from msgspec import Struct, field

from benchmarks.report import ROOT, write

MEASURED: Final = ("libs", "services", "tests")


class Findings(Struct, kw_only=True):
    """What a drill counted, measured and checked; `missed` are the sentences of checks that failed."""

    counts: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def check(self, name: str, *, held: bool, seen: object = None) -> bool:
        """One thing that must hold; checked more than once, it must hold every time."""
        self.checks[name] = self.checks.get(name, True) and held
        if not held:
            self.missed.append(f"{name}: {seen}" if seen is not None else name)
        return held

    @property
    def verdict(self) -> str:
        """`ok` when something was checked and everything held."""
        return "ok" if self.checks and all(self.checks.values()) else "missed"


class Report:
    """Made when a drill begins, so that the commit is the one that ran, not one that came meanwhile."""

    def __init__(self, line: str, *, seed: int, full: bool) -> None:
        self._line = line
        self._seed = seed
        self._full = full
        self.commits = [commit()]

    def tell(self, findings: Findings) -> int:
        """Print the short table and write reports/<line>.json; the exit code.

        A run below full size is written to reports/tmp: it proves nothing.
        """
        self.commits = list(dict.fromkeys([*self.commits, commit()]))
        document = {
            "line": self._line,
            "commit": " ".join(self.commits),
            "seed": self._seed,
            "counts": findings.counts,
            "figures": findings.figures,
            "checks": findings.checks,
            "missed": findings.missed[:20],
            "verdict": findings.verdict,
        }
        path = write(self._line if self._full else f"tmp/{self._line}", document)
        for each in lines(findings):
            print(each)
        print(f"{findings.verdict}: written to {path.relative_to(ROOT)}")
        return 0 if findings.verdict == "ok" else 1


def lines(findings: Findings) -> list[str]:
    """Counts, figures and checks, one a line."""
    shown = [(name, str(value)) for name, value in (findings.counts | findings.figures).items()]
    shown += [(name, "ok" if held else "MISSED") for name, held in findings.checks.items()]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:{width}}  {value}" for name, value in shown] + [
        f"  {one}" for one in findings.missed[:20]
    ]


def commit() -> str:
    """The short hash of what ran, with `+` when the code had changes."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", *MEASURED)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*words: str) -> str:
    found = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return found.stdout.strip()
