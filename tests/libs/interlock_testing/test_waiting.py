"""Waiting names what it waits for; processes are real."""

import os
import sys
from pathlib import Path

import pytest

from interlock_testing.waiting import ServerProcess, WaitedInVain, free_port, until


async def test_waiting_gives_the_first_true_value():
    seen = iter([0, None, "third"])
    assert await until(lambda: next(seen), what="a value") == "third"


async def test_a_coroutine_can_be_the_condition():
    async def condition() -> int:
        return 7

    assert await until(condition, what="seven") == 7


async def test_waiting_in_vain_says_for_what():
    with pytest.raises(WaitedInVain, match=r"for the moon; last seen: 0"):
        await until(lambda: 0, timeout_s=0.02, what="the moon")


def provider_process(tmp_path: Path, port: int) -> ServerProcess:
    command = [sys.executable, "-m", "interlock_testing.upstream", "--port", str(port), "--name", "atlas"]
    return ServerProcess(command, url=f"http://127.0.0.1:{port}/_stats", log_path=tmp_path / "atlas.log")


async def test_a_process_is_started_killed_and_started_again(tmp_path):
    process = provider_process(tmp_path, free_port())
    assert process.exit_status() is None
    async with process:
        first = process.pid
        process.kill()
        assert process.exit_status() == -9
        await process.start()
        assert process.pid != first
        assert process.exit_status() is None
    assert process.exit_status() == 0
    assert process.log().count("atlas listens on") == 2


async def test_a_process_that_ends_at_once_shows_what_it_said(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    process = ServerProcess(command, url="http://127.0.0.1:9/", log_path=tmp_path / "log")
    with pytest.raises(RuntimeError, match="ended at once with 1") as raised:
        await process.start()
    assert "no such luck" in "".join(raised.value.__notes__)


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path):
    port = free_port()
    deaf = (
        "import signal, http.server as h; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"h.ThreadingHTTPServer(('127.0.0.1', {port}), h.BaseHTTPRequestHandler).serve_forever()"
    )
    process = ServerProcess(
        [sys.executable, "-c", deaf], url=f"http://127.0.0.1:{port}", log_path=tmp_path / "log"
    )
    with pytest.raises(WaitedInVain):  # it answers 501, which does not count as ready
        await process.start(timeout_s=1.0)
    assert process.exit_status() == -9


async def test_stopping_kills_when_asking_does_not_help(tmp_path):
    port = free_port()
    deaf = (
        "import signal, http.server as h; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"h.ThreadingHTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    process = ServerProcess(
        [sys.executable, "-c", deaf], url=f"http://127.0.0.1:{port}", log_path=tmp_path / "log"
    )
    await process.start()
    assert await process.stop(timeout_s=0.1) == -9


async def test_a_process_that_was_never_started_stops_in_peace(tmp_path):
    process = ServerProcess(
        ["true"], url="http://127.0.0.1:9/", log_path=tmp_path / "log", env=dict(os.environ)
    )
    assert await process.stop() == 0
    assert process.log() == ""
    with pytest.raises(RuntimeError, match="not started"):
        _ = process.pid
