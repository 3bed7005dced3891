import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock_testing.services.process import ServiceProcess
from interlock_testing.waiting import until

PATIENCE_S = 20.0
COUNTING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"
STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.01; done"


@asynccontextmanager
async def started(script: str, folder: Path) -> AsyncIterator[ServiceProcess]:
    process = ServiceProcess(["/bin/sh", "-c", script], log_path=folder / "log")
    process.spawn()
    try:
        await until(process.log, timeout_s=PATIENCE_S, what="a first line")
        yield process
    finally:
        process.kill()


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        shown = subprocess.run(
            ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.strip()[:1] not in ("", "Z")
    return False


def stands_still(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return shown.stdout.strip().startswith("T")


async def test_a_killed_one_is_gone_at_once_and_can_be_started_again(tmp_path: Path) -> None:
    async with started(COUNTING, tmp_path) as process:
        first = process.pid
        process.kill()
        assert not process.running
        assert not alive(first)
        process.spawn()
        await until(lambda: "\n1\n" in process.log(), timeout_s=PATIENCE_S, what="a second start")
        assert process.pid != first


async def test_a_paused_one_stands_still_until_it_goes_on(tmp_path: Path) -> None:
    async with started(COUNTING, tmp_path) as process:
        process.pause()
        assert stands_still(process.pid)
        assert process.running
        process.pause()
        process.go_on()
        said = process.log()
        await until(lambda: process.log() != said, timeout_s=PATIENCE_S, what="it to go on")


async def test_a_deaf_one_is_killed(tmp_path: Path) -> None:
    async with started(STUBBORN, tmp_path) as process:
        await process.stop(timeout_s=0.2)
        assert not process.running


async def test_a_paused_one_can_be_stopped(tmp_path: Path) -> None:
    async with started(COUNTING, tmp_path) as process:
        process.pause()
        await process.stop(timeout_s=PATIENCE_S)
        assert not process.running


async def test_two_starts_at_once_are_a_mistake(tmp_path: Path) -> None:
    async with started(COUNTING, tmp_path) as process:
        with pytest.raises(RuntimeError, match="runs already"):
            process.spawn()


def test_one_that_was_never_started_has_no_pid(tmp_path: Path) -> None:
    process = ServiceProcess(["true"], log_path=tmp_path / "log")
    process.kill()
    with pytest.raises(RuntimeError, match="was not started"):
        assert process.pid


async def test_given_its_owner_is_killed_when_nobody_is_left_to_end_it_then_it_ends(tmp_path: Path) -> None:
    owner = (
        "import sys, time, pathlib\n"
        "from interlock_testing.services.process import ServiceProcess\n"
        "service = ServiceProcess(['sleep', '600'], log_path=pathlib.Path(sys.argv[1]))\n"
        "service.spawn()\n"
        "print(service.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 (fork and exec; what follows is waited for)
        [sys.executable, "-c", owner, str(tmp_path / "log")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        await until(lambda: not alive(pid), timeout_s=PATIENCE_S, what="the orphan to end")
