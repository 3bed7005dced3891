"""Importing does nothing: no socket, no process, no database, no thread, no look at the environment."""

import os
import subprocess
import sys

import pytest

from tests.architecture.tree import PARENTS, ROOT, source

WATCH = """
import importlib, os, sys, threading

done = []

def caller():
    frame = sys._getframe(2)
    while frame and frame.f_globals.get("__name__") in ("os", "_collections_abc", "collections.abc"):
        frame = frame.f_back
    return frame.f_globals.get("__name__", "?") if frame else "?"

class Watched(os._Environ):
    def __getitem__(self, key):
        who = caller()
        if who.startswith(("interlock_", "example_")):
            done.append(f"{who} reads the environment ({key})")
        return super().__getitem__(key)

known = os.environ
os.environ = Watched(known._data, known.encodekey, known.decodekey, known.encodevalue, known.decodevalue)

watched = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "sqlite3.connect")

def hook(event, arguments):
    if event in watched:
        done.append(f"{event} {arguments[1:]}")

sys.addaudithook(hook)
for name in sys.argv[1:]:
    importlib.import_module(name)
if threading.active_count() != 1:
    done.append(f"threads were started: {threading.enumerate()}")
print("\\n".join(done))
"""


def effects_of_importing(names: list[str], *, path: list[str]) -> list[str]:
    """What a fresh interpreter did while it imported these modules."""
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCH, *names],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_importing_every_module_does_nothing() -> None:
    names = [m.name for m in source() if m.stem != "__main__"]
    assert effects_of_importing(names, path=[str(ROOT / parent) for parent in PARENTS]) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nhome = os.environ.get('HOME')",
        "import os\npath = os.getenv('PATH')",
        "import os\nfound = 'PATH' in os.environ and os.environ['PATH']",
        "import socket\nsocket.socket().bind(('127.0.0.1', 0))",
        "import sqlite3\nsqlite3.connect(':memory:')",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
    ],
)
def test_a_module_that_does_something_is_found(text: str, tmp_path: os.PathLike[str]) -> None:
    with open(os.path.join(tmp_path, "example_module.py"), "w", encoding="utf-8") as file:  # noqa: PTH118, PTH123
        file.write(text)
    assert effects_of_importing(["example_module"], path=[str(tmp_path)])
