"""How each SDK is run: this environment's own, a generation in an environment of its own, Node's."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.sdk.matrix import ROOT, Runner
from tests.sdk.nodejs import FOLDER
from tests.sdk.suites import SUITES

GENERATIONS: Final = Path(__file__).parent / "generations"
"""A file of pins for each generation, named `<sdk>-<version>.txt`."""
ENVIRONMENTS: Final = ROOT / ".venv-sdk"
MODES: Final = ("sync", "async")
SDKS: Final = ("openai", "anthropic")


def python_runner(sdk: str, python: Path | None = None) -> Runner:
    """The cases with the SDK that this interpreter, or another one, has."""
    words = [str(python or sys.executable), "-m", "tests.sdk.run", "--sdk", sdk]
    words += [word for mode in MODES for word in ("--mode", mode)]
    return Runner(sdk=sdk, command=tuple(words), modes=MODES, cases=tuple(SUITES[sdk].runs))


def node_runner(sdk: str, node: Path) -> Runner:
    """The cases in JavaScript."""
    words = (str(node), str(FOLDER / "run.mjs"), "--sdk", sdk)
    listed = subprocess.run([*words, "--list"], check=True, capture_output=True, text=True)
    return Runner(sdk=sdk, command=words, modes=("node",), cases=tuple(json.loads(listed.stdout)))


def generations() -> list[str]:
    """Names of the pinned generations: each SDK's newest first."""
    names = [path.stem for path in GENERATIONS.glob("*.txt")]
    return sorted(names, key=lambda name: (SDKS.index(_sdk(name)), [-int(n) for n in _version(name)]))


def generation_runner(name: str) -> Runner:
    """One generation, in an environment that has nothing else; made now if it is not there yet."""
    return python_runner(_sdk(name), _environment(name))


def _environment(name: str) -> Path:
    pins = GENERATIONS / f"{name}.txt"
    folder = ENVIRONMENTS / name
    python, stamp = folder / "bin/python", folder / "pins.txt"
    if stamp.exists() and stamp.read_text() == pins.read_text():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    if shutil.which("uv"):
        _call("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
        _call("uv", "pip", "install", "--quiet", "--python", str(python), "-r", str(pins))
    else:
        _call(sys.executable, "-m", "venv", str(folder))
        _call(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(pins))
    stamp.write_text(pins.read_text())
    return python


def _call(*words: str) -> None:
    subprocess.run(words, check=True, timeout=600)


def _sdk(name: str) -> str:
    return name.rpartition("-")[0]


def _version(name: str) -> list[str]:
    return name.rpartition("-")[2].split(".")
