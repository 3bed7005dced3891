"""One process owns a data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interlock_runtime.data_dir import DataDir, Held, RunInfo, read_run

OWNER = """
import sys
from pathlib import Path
from interlock_runtime.data_dir import DataDir

owned = DataDir.acquire(Path(sys.argv[1]))
owned.announce({"gateway": "http://127.0.0.1:8080"})
print("owned", flush=True)
sys.stdin.read()
"""


def owner(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    return process


def owned(path: Path) -> DataDir:
    found = DataDir.acquire(path)
    assert isinstance(found, DataDir)
    return found


def test_a_second_owner_is_told_who_the_first_one_is(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        held = DataDir.acquire(tmp_path)
        assert held == Held(str(tmp_path), process.pid)
        assert isinstance(held, Held)
        assert held.message.startswith(f"{tmp_path} is in use by process {process.pid}. Stop it, or choose")
        process.communicate(timeout=20)


def test_a_killed_owner_owns_nothing(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        assert read_run(tmp_path) == RunInfo(process.pid, {"gateway": "http://127.0.0.1:8080"})
        process.kill()
        process.communicate(timeout=20)
    assert read_run(tmp_path) is None
    owned(tmp_path).release()


def test_within_one_process_there_is_one_owner_too(tmp_path: Path) -> None:
    first = owned(tmp_path / "new")
    assert DataDir.acquire(tmp_path / "new") == Held(str(tmp_path / "new"), os.getpid())
    first.release()
    first.release()
    owned(tmp_path / "new").release()


def test_an_owner_that_has_not_yet_said_who_it_is(tmp_path: Path) -> None:
    first = owned(tmp_path)
    (tmp_path / "lock").write_text("")
    held = DataDir.acquire(tmp_path)
    assert isinstance(held, Held)
    assert "in use by another process" in held.message
    first.release()


def test_an_announcement_lasts_as_long_as_its_owner(tmp_path: Path) -> None:
    assert read_run(tmp_path) is None
    owner = owned(tmp_path)
    owner.announce({"gateway": "http://127.0.0.1:1"})
    owner.announce({"gateway": "http://127.0.0.1:2", "control": "http://127.0.0.1:3"})
    assert read_run(tmp_path) == RunInfo(
        os.getpid(), {"gateway": "http://127.0.0.1:2", "control": "http://127.0.0.1:3"}
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "run.json"]
    owner.release()
    assert read_run(tmp_path) is None


def test_an_owner_of_another_user_is_alive(tmp_path: Path) -> None:
    """Process 1 is always there; whether it may be signalled depends on who asks."""
    (tmp_path / "run.json").write_text('{"pid": 1, "urls": {}}')
    assert read_run(tmp_path) == RunInfo(1, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"pid": 1}',
        '{"pid": "x", "urls": {}}',
        '{"pid": 1, "urls": 3}',
        '{"pid": 99999999999999999999, "urls": {}}',
    ],
)
def test_a_damaged_announcement_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert read_run(tmp_path) is None
