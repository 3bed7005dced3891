"""A Node that the Node SDKs support, and their packages, as the two lock files pin them.

Rule: the machine's own Node is used when it is new enough, else one from the package registry, since what
distributions ship is years older than what the SDKs demand; nothing is installed outside `node_modules`.
Missing npm is an answer, not an exception: tests say loudly what they skip.

    python -m tests.sdk.nodejs        installs; says where Node is, or what is missing
"""

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "node"
RUNTIME: Final = Path(__file__).parent / "node-runtime"
OLDEST: Final = 22
"""Major version; `engines` of the `openai` package."""
_STAMP: Final = ".installed"
_INSTALL: Final = (
    "npm",
    "ci",
    "--omit-lockfile-registry-resolved",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
)


class Ready(Struct, frozen=True):
    """The interpreter to start."""

    node: Path


class Missing(Struct, frozen=True):
    """What stands in the way, as a sentence."""

    reason: str


def installed() -> Ready | Missing:
    """Node and the packages, installed now if they are not there yet."""
    if shutil.which("npm") is None:
        return Missing("npm is missing, so the Node SDKs are not tried (install nodejs and npm)")
    with _alone():
        try:
            node = _own_node() or _runtime()
            _install(FOLDER)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            return Missing(f"npm could not install the Node SDKs: {said[-600:]}")
    return node if isinstance(node, Missing) else Ready(node)


def _own_node() -> Path | None:
    """The machine's, if it is new enough."""
    found = shutil.which("node")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)", said)
    return Path(found) if version and int(version[1]) >= OLDEST else None


def _runtime() -> Path | Missing:
    _install(RUNTIME)
    for beside in ("include", "share"):  # a hundred megabytes that nobody here compiles or reads
        for folder in RUNTIME.glob(f"node_modules/node-*/{beside}"):
            shutil.rmtree(folder)
    found = next(RUNTIME.glob("node_modules/node-*/bin/node"), None)
    return found or Missing(
        f"no Node of version {OLDEST} or newer here, and none is packaged for this machine"
    )


def _install(folder: Path) -> None:
    """What the lock file says, unless that was done before."""
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / _STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.run(_INSTALL, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


@contextmanager
def _alone() -> Iterator[None]:
    """One process installs at a time."""
    with (FOLDER / "package-lock.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main() -> None:
    """See the module."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    found = installed()
    if isinstance(found, Missing):
        raise SystemExit(f"!!! {found.reason}")
    print(f"the Node SDKs are there, and run on {found.node}")


if __name__ == "__main__":
    main()
