"""The first signal asks, the second one ends: tried on real processes."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from interlock_runtime.shutdown import Shutdown

PROGRAM = """
import asyncio, sys
from interlock_runtime.shutdown import Shutdown

async def main():
    shutdown = Shutdown()
    shutdown.install()
    print("ready", flush=True)
    await shutdown.wait()
    print("asked", flush=True)
    if sys.argv[1] == "hangs":
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start(how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_process_end_by_itself(number: signal.Signals) -> None:
    with start("ends") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("asked\n", "", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_process_that_hangs(number: signal.Signals) -> None:
    with start("hangs") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == 130


async def test_a_process_may_ask_itself_and_give_the_signals_back() -> None:
    shutdown = Shutdown()
    shutdown.install()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(shutdown.wait(), 10)
    shutdown.restore()
    assert shutdown.asked.is_set()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
