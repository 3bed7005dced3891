"""Without the extras of a cell everything that runs embedded is there: `make run` installs none of them."""

import subprocess
import sys
import tomllib
from typing import Any

from tests.architecture.tree import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {
    "aiokafka": "aiokafka",
    "alembic": "alembic",
    "asyncpg": "asyncpg",
    "cramjam": "cramjam",
    "faststream": "faststream",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
    "opentelemetry-sdk": "opentelemetry.sdk",
}
ALONE = """
import importlib, importlib.abc, pkgutil, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in sys.argv[1:]):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Missing())
import interlock_cli.verbs
import interlock_quickstart.run
for verb in pkgutil.iter_modules(interlock_cli.verbs.__path__):
    importlib.import_module(f"interlock_cli.verbs.{verb.name}")
"""


def test_every_extra_is_known_here() -> None:
    named = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    assert sorted(line.split(">=")[0].split("[")[0] for line in named) == sorted(MODULES)


def test_what_runs_embedded_needs_no_extra() -> None:
    command = [sys.executable, "-c", ALONE, *MODULES.values()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
