"""Waiting for a condition with a deadline, and real processes to wait for.

Rule: a wait names what it waits for, and its failure says so and what was seen last. A fixed sleep was
dropped: it hides both the slow machine and the broken program.
"""

import asyncio
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from pathlib import Path
from time import monotonic
from typing import Any, Final, Self

PAUSE_S: Final = 0.005
"""Between two looks: short against anything a test waits for, long against what a look costs."""


class WaitedInVain(AssertionError):
    """A condition did not come true in time."""


async def until(condition: Callable[[], Any], *, timeout_s: float = 30.0, what: str) -> Any:
    """The first true value of `condition`, plain or awaited; WaitedInVain after `timeout_s`."""
    ends = monotonic() + timeout_s
    while True:
        result = condition()
        value = await result if isawaitable(result) else result
        if value:
            return value
        if monotonic() >= ends:
            raise WaitedInVain(f"waited {timeout_s} s for {what}; last seen: {value!r}")
        await asyncio.sleep(PAUSE_S)


PORTS: Final = range(15_000, 32_000)
"""Below those that Linux (32768) and macOS (49152) give to clients, so that no connection takes one."""
_taken: Final[list[int]] = []
"""Locks of the ports that this process has drawn, as descriptors: they end with it and not before."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else who asks here is given while we live.

    Gateways share a port by SO_REUSEPORT: of two that drew the same one, each would answer for the other.
    """
    locks = Path(tempfile.gettempdir()) / f"interlock-ports-{os.getuid()}"
    locks.mkdir(exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        lock = os.open(locks / str(port), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _taken.append(lock)
        return port
    raise RuntimeError(f"no port from {PORTS.start} to {PORTS.stop} is free")


class ServerProcess:
    """A server in a process of its own, ready when `url` answers below 500; its output goes to `log_path`.

    `env` is its whole environment; without one it inherits ours.
    """

    def __init__(
        self, command: Sequence[str], *, url: str, log_path: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.command = list(command)
        self.url = url
        self.log_path = log_path
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    def exit_status(self) -> int | None:
        """How it ended; None while it runs or before it was started."""
        return self._process.poll() if self._process is not None else None

    def log(self) -> str:
        """Everything it printed so far, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    async def start(self, *, timeout_s: float = 60.0) -> None:
        """Start it, or start it again, and wait until it answers."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 (fork and exec, some ms; the rest is waited for)
                self.command, env=self._env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            await until(self._is_ready, timeout_s=timeout_s, what=f"{self.url} to answer")
        except BaseException as error:
            self.kill()
            error.add_note(self.log()[-4000:])
            raise

    async def stop(self, *, timeout_s: float = 30.0) -> int:
        """Ask it to end (SIGTERM), kill it when it does not; the exit status."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                await until(lambda: process.poll() is not None, timeout_s=timeout_s, what="its end")
            except WaitedInVain:
                self.kill()
        return process.wait() if process is not None else 0

    def kill(self) -> None:
        """kill -9, its children included; returns when it is gone."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{self.command[0]} ended at once with {self._process.returncode}")
        return await asyncio.to_thread(_answers, self.url)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code < 500
    except OSError:
        return False
