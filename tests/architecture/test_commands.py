"""What the Makefile starts can be started: by its module's name, from the root, in a fresh environment."""

import os
import re
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"\$\(BIN\)/python -m ((?:benchmarks|tests)[\w.]*\w)", MAKEFILE)))
WITHOUT_ARGUMENTS = "tests.drills.tables"  # it writes its page at once
CLUSTER = sorted(f"benchmarks.{path.stem}" for path in (ROOT / "benchmarks").glob("cluster_*.py"))


def test_nothing_is_started_by_its_file() -> None:
    assert NAMED
    assert re.findall(r"\$\(BIN\)/python [\w/]+\.py", MAKEFILE) == []


@pytest.mark.parametrize("module", [name for name in (*NAMED, *CLUSTER) if name != WITHOUT_ARGUMENTS])
def test_a_command_starts(module: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")
