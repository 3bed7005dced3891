"""A quickstart in a process of its own, as a person starts it: what it prints and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from interlock_runtime.data_dir import read_run

T = TypeVar("T")
COMMAND = (sys.executable, "-m", "interlock_cli")
FOLDER = ".interlock"
LONG_S = 60.0
"""For what must come, on a machine that does much else: a cycle of the demo and more."""


def plain_environment(**more: str) -> dict[str, str]:
    """The environment without anything that would be a setting or a credential."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "default", **more}


def wait_for(look: Callable[[], T | None], what: str, *, timeout_s: float = LONG_S) -> T:
    """The first value that is something; an assertion that names it when it does not come."""
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")


class Quick:
    """One quickstart in `folder`; ports are chosen by the system unless options say others."""

    def __init__(self, folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data_dir = folder / FOLDER
        self._options = options
        self._environment = dict(environment) if environment is not None else plain_environment()
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def output(self) -> str:
        """Everything it printed, on both streams."""
        return self._output.read_text(encoding="utf-8")

    @property
    def urls(self) -> dict[str, str]:
        """gateway and control, as announced."""
        info = read_run(self.data_dir)
        assert info is not None, self.output
        return info.urls

    def begin(self) -> "Quick":
        """Start it and wait for nothing."""
        with self._output.open("wb") as file:
            self._process = subprocess.Popen(
                [*COMMAND, "quickstart", "--port", "0", "--control-port", "0", *self._options],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def start(self) -> "Quick":
        """Start it and wait until it has said where it listens: in run.json first, then to the person."""
        self.begin()
        wait_for(self._listens, "run.json of this process")
        self.line(r"^  explain ")
        return self

    def line(self, pattern: str, *, timeout_s: float = LONG_S) -> str:
        """The first line that holds the pattern, as soon as it is printed."""
        found = wait_for(
            lambda: next((line for line in self.output.splitlines() if re.search(pattern, line)), None),
            f"a line with {pattern!r} in:\n{self.output}",
            timeout_s=timeout_s,
        )
        return str(found)

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Send a signal and wait for the end: exit code and seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=LONG_S)
        return code, time.monotonic() - began

    def ended(self) -> int:
        """The exit code of a process that ends by itself."""
        return self.process.wait(timeout=LONG_S)

    def close(self) -> None:
        """End it however it takes."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.output
        info = read_run(self.data_dir)
        return info is not None and info.pid == self.process.pid


def get(url: str) -> Any:
    """The JSON behind an address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def post(url: str, body: str) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Status, JSON and headers of a posted JSON body."""
    request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused), dict(refused.headers)
