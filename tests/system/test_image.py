"""The image: what the Dockerfile copies is there, and a wheel that runs can be built from it."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.system.composed import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIES = re.findall(r"^COPY (?!--from)(.+) (\S+)$", DOCKERFILE, re.MULTILINE)
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def copied() -> list[str]:
    """What the Dockerfile takes from this folder."""
    return [name for names, _ in COPIES for name in names.split()]


@pytest.mark.parametrize("name", copied())
def test_what_is_copied_is_let_through(name: str) -> None:
    assert (ROOT / name).exists()
    assert {f"!{name}", f"!{name}/"} & set(IGNORED), f".dockerignore keeps {name} out"


def test_every_file_of_requirements_is_there() -> None:
    asked = re.findall(r"requirements/\S+\.txt", DOCKERFILE)
    assert len(asked) == 2
    assert [one for one in asked if not (ROOT / one).exists()] == [], "run `make requirements`"


def test_the_container_is_nobody_in_particular_and_serves_by_default() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER interlock$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["interlock"]' in last
    assert "pip install" not in last, "no build tools in the image"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_wheel_is_built_from_what_is_copied_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    build = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(tmp_path),
        ".",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *build], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert "interlock_migrations/versions/0001_cluster.py" in names
    for service in ("gateway", "projector", "control"):
        assert f"interlock_{service}/serve.py" in names
