import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interlock_testing.services.jars import KAFKA_VERSION, NoJars, cached_jars, fetch_jars

FETCHES = """#!/bin/sh
echo run >> "$PWD/runs"
for word in "$@"; do case "$word" in -DoutputDirectory=*) to="${word#*=}";; esac; done
mkdir -p "$to" && printf abc > "$to/kafka.jar" && printf de > "$to/log4j.jar"
"""
FAILS = "#!/bin/sh\necho; echo '[ERROR] no route to the registry'; exit 1\n"
EMPTY = "#!/bin/sh\nexit 0\n"


def maven(folder: Path, script: str) -> str:
    program = folder / "mvn"
    program.write_text(script)
    program.chmod(0o755)
    return str(program)


def runs(cache: Path) -> int:
    told = cache / f"kafka-{KAFKA_VERSION}" / "runs"
    return len(told.read_text().splitlines()) if told.exists() else 0


def test_jars_are_fetched_once(tmp_path: Path) -> None:
    program = maven(tmp_path, FETCHES)
    libs = fetch_jars(tmp_path, maven=program)
    assert isinstance(libs, Path)
    assert sorted(jar.name for jar in libs.iterdir()) == ["kafka.jar", "log4j.jar"]
    assert fetch_jars(tmp_path, maven=program) == libs == cached_jars(tmp_path)
    assert runs(tmp_path) == 1


def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    program = maven(tmp_path, FETCHES)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: fetch_jars(tmp_path, maven=program), range(4)))
    assert len(set(map(str, found))) == 1
    assert runs(tmp_path) == 1


@pytest.mark.parametrize("harm", ["removed", "cut", "unmarked", "nonsense"])
def test_a_cache_that_is_not_whole_does_not_count(tmp_path: Path, harm: str) -> None:
    program = maven(tmp_path, FETCHES)
    libs = fetch_jars(tmp_path, maven=program)
    assert isinstance(libs, Path)
    match harm:
        case "removed":
            (libs / "kafka.jar").unlink()
        case "cut":
            (libs / "kafka.jar").write_bytes(b"a")
        case "unmarked":
            (libs.parent / "ok").unlink()
        case _:
            (libs.parent / "ok").write_text("{")
    assert cached_jars(tmp_path) is None
    assert fetch_jars(tmp_path, maven=program) == libs
    assert runs(tmp_path) == 2
    assert json.loads((libs.parent / "ok").read_text()) == {"kafka.jar": 3, "log4j.jar": 2}


def test_a_failed_fetch_says_why_and_leaves_no_marker(tmp_path: Path) -> None:
    refused = fetch_jars(tmp_path, maven=maven(tmp_path, FAILS))
    assert isinstance(refused, NoJars)
    assert "no route to the registry" in refused.why
    assert cached_jars(tmp_path) is None


def test_a_fetch_of_nothing_is_a_failure(tmp_path: Path) -> None:
    refused = fetch_jars(tmp_path, maven=maven(tmp_path, EMPTY))
    assert isinstance(refused, NoJars)
    assert "no jars" in refused.why


def test_a_maven_that_does_not_start_is_named(tmp_path: Path) -> None:
    refused = fetch_jars(tmp_path, maven=str(tmp_path / "none"))
    assert isinstance(refused, NoJars)
    assert "did not fetch" in refused.why


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    refused = fetch_jars(tmp_path / "cache", maven="mvn")
    assert isinstance(refused, NoJars)
    assert "cannot be made" in refused.why
