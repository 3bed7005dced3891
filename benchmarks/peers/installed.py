"""The other gateways, installed once into folders of their own: .venv-peers and .node-peers.

Rule: what is installed stands in committed files without a registry's address, and nothing of it is shipped
or imported; a peer that cannot be installed is missing with a sentence, and the rest is measured without it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.report import ROOT

HERE: Final = Path(__file__).parent
VENV: Final = ROOT / ".venv-peers"
NODE: Final = ROOT / ".node-peers"
LITELLM: Final = HERE / "litellm.txt"
PORTKEY: Final = (HERE / "package.json", HERE / "package-lock.json")
DONE: Final = "installed"
"""A copy of what was installed stands in the folder under this name."""
INSTALL_S: Final = 600


class Missing(Struct, frozen=True):
    """A peer that is not there, and why."""

    why: str


def litellm() -> Path | Missing:
    """The program `litellm` in its own environment."""
    wanted = LITELLM.read_bytes()
    if not _is_installed(VENV, wanted):
        print("installing LiteLLM (once, about a minute)", file=sys.stderr, flush=True)
        python = VENV / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        failed = _run([sys.executable, "-m", "venv", str(VENV)], ROOT) or _run(
            [*pip, "-r", str(LITELLM)], ROOT
        )
        if failed:
            return Missing(f"LiteLLM could not be installed: {failed}")
        _settle(VENV, wanted)
    return VENV / "bin" / "litellm"


def portkey() -> Path | Missing:
    """The program that `node` runs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return Missing("Portkey needs node and npm, and they are not here")
    wanted = b"".join(path.read_bytes() for path in PORTKEY)
    if not _is_installed(NODE, wanted):
        print("installing Portkey (once)", file=sys.stderr, flush=True)
        NODE.mkdir(exist_ok=True)
        for path in PORTKEY:
            shutil.copy(path, NODE)
        npm = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        if failed := _run(npm, NODE):
            return Missing(f"Portkey could not be installed: {failed}")
        _settle(NODE, wanted)
    return NODE / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def litellm_version() -> str:
    """As it is pinned."""
    pins = dict(line.partition("==")[::2] for line in LITELLM.read_text().splitlines())
    return pins["litellm"]


def portkey_version() -> str:
    """As it is pinned."""
    return str(json.loads(PORTKEY[0].read_text())["dependencies"]["@portkey-ai/gateway"])


def node_version() -> str:
    """As it says itself, for example `20.20.2`."""
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("v")


def _is_installed(folder: Path, wanted: bytes) -> bool:
    stamp = folder / DONE
    return stamp.exists() and stamp.read_bytes() == wanted


def _settle(folder: Path, wanted: bytes) -> None:
    (folder / ".gitignore").write_text("*\n")  # no tool that reads git's mind looks into it
    (folder / DONE).write_bytes(wanted)


def _run(command: list[str], folder: Path) -> str | None:
    """Run it; the last line of what it complained about, when it failed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
