"""A service in a process of its own, with the faults a drill needs: killed, paused, started again.

Rule: it never outlives us. A guard holds the other end of a pipe of ours; when we vanish (kill -9 included)
the pipe closes and the guard kills the service. PR_SET_PDEATHSIG was dropped: it fires when the starting
*thread* ends, and only Linux has it.
"""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from interlock_testing.waiting import WaitedInVain, until

GUARD: Final = 'trap "" INT TERM HUP; read -r _; kill -s KILL -- "-$1" 2>/dev/null'


class ServiceProcess:
    """One command; its output is added to `log_path`. `user`: who it runs as, when that is not us."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log_path: Path,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.command = list(command)
        self.log_path = log_path
        self._user = user
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id, also after it ended."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Started and not ended; a paused one is running."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Everything it printed so far, over all starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def spawn(self) -> None:
        """Start it, or start it again; who waits for it to answer is the caller."""
        if self.running:
            raise RuntimeError(f"{self.command[0]} runs already (pid {self.pid})")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **run_as(self._user),
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it is gone."""
        if self.running:
            os.kill(self.pid, number)

    def pause(self) -> None:
        """Stand still (SIGSTOP): connections stay open and nobody answers. Returns when all of it does.

        The signal alone is not enough: one of its threads may still be answering.
        """
        if not self.running:
            return
        os.kill(self.pid, signal.SIGSTOP)
        if sys.platform != "darwin":  # which has no such question
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """The end of a pause."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, its group included; returns when it is gone."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._dismiss()

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout_s: float = 10.0) -> None:
        """Ask it to end, and kill it when it does not."""
        self.go_on()
        self.send(number)
        try:
            await until(lambda: not self.running, timeout_s=timeout_s, what=f"the end of {self.command[0]}")
        except WaitedInVain:
            self.kill()
        self._dismiss()

    def _dismiss(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.communicate()


def run_as(user: str | None) -> dict[str, Any]:
    """What `subprocess` needs to run a program as another user; nothing for us."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}
