"""The data folder: one process owns it, and says in it who it is and where it listens.

Rule: ownership is an operating system lock on DATA_DIR/lock, which ends with the process however it ends;
a pid file alone was dropped, because it outlives a crash and pids are used again. The pid in the file is
only for the sentence that names the owner.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Final

from msgspec import Struct

LOCK: Final = "lock"
RUN: Final = "run.json"


class Held(Struct, frozen=True):
    """Another process owns the folder; pid None: it has not yet said which."""

    path: str
    pid: int | None

    @property
    def message(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{self.path} is in use by {who}. Stop it, or choose another folder with --data-dir."


class RunInfo(Struct, frozen=True):
    """Where a running quickstart can be reached, by name: gateway, control."""

    pid: int
    urls: dict[str, str]


class DataDir:
    """An owned data folder; released by `release`, or by the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path) -> "DataDir | Held":
        """Own the folder, made when missing, or learn who does."""
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            return Held(str(path), int(text) if text.isdecimal() else None)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor)

    def announce(self, urls: dict[str, str]) -> None:
        """Write run.json, whole or not at all."""
        fresh = self.path / f".{RUN}.{os.getpid()}"
        fresh.write_text(json.dumps({"pid": os.getpid(), "urls": urls}) + "\n", encoding="utf-8")
        fresh.replace(self.path / RUN)

    def release(self) -> None:
        """Take the announcement back and give the folder up; twice is once."""
        if self._descriptor is None:
            return
        (self.path / RUN).unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def read_run(path: Path) -> RunInfo | None:
    """What the owner announced; None when there is no owner, or none that is alive."""
    try:
        content = json.loads((path / RUN).read_text(encoding="utf-8"))
        info = RunInfo(int(content["pid"]), {str(name): str(url) for name, url in content["urls"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return info if _alive(info.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
