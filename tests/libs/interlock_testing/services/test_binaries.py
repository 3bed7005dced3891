import os
from pathlib import Path

import pytest

from interlock_testing.services.binaries import java_found, open_to_all, postgres_found, server_user


def java_home(folder: Path, told: str) -> str:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
    program.chmod(0o755)
    return str(folder)


def server(folder: Path, *programs: str) -> Path:
    folder.mkdir(parents=True)
    for name in programs:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.mark.parametrize("told", ['openjdk version "17.0.15" 2025-04-15', 'openjdk version "21.0.1" 2023'])
def test_a_java_that_is_new_enough_is_taken(tmp_path: Path, told: str) -> None:
    assert java_found(java_home(tmp_path, told)) == str(tmp_path / "bin" / "java")


@pytest.mark.parametrize(
    "told", ['openjdk version "11.0.2" 2019', 'java version "1.8.0_292"', "no Java here"]
)
def test_an_old_java_is_not(tmp_path: Path, told: str) -> None:
    assert java_found(java_home(tmp_path, told)) != str(tmp_path / "bin" / "java")


def test_a_java_home_without_a_java_is_passed_over(tmp_path: Path) -> None:
    assert java_found(str(tmp_path)) == java_found(None)


def test_the_wheel_comes_before_installed_servers(tmp_path: Path) -> None:
    server(tmp_path / "usr/lib/postgresql/99/bin", "initdb", "postgres")
    found = postgres_found(root=tmp_path)
    assert found is not None
    assert "pgserver" in str(found)


def test_without_the_wheel_the_newest_installed_server_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        server(tmp_path / f"usr/lib/postgresql/{version}/bin", "initdb", "postgres")
    server(tmp_path / "usr/lib/postgresql/18/bin", "psql")
    found = postgres_found(root=tmp_path, wheel="no_such_wheel", path=str(tmp_path / "nowhere"))
    assert found == tmp_path / "usr/lib/postgresql/17/bin"


def test_a_server_on_the_path_comes_before_those_of_distributions(tmp_path: Path) -> None:
    server(tmp_path / "usr/lib/postgresql/17/bin", "initdb", "postgres")
    mine = server(tmp_path / "mine", "initdb", "postgres")
    assert postgres_found(root=tmp_path, wheel="no_such_wheel", path=str(mine)) == mine


def test_where_nothing_is_nothing_is_found(tmp_path: Path) -> None:
    assert postgres_found(root=tmp_path, wheel="no_such_wheel", path=str(tmp_path)) is None


def test_only_root_needs_somebody_else_to_run_a_server() -> None:
    assert (server_user() is None) == (os.geteuid() != 0)
    if os.geteuid() == 0:
        assert server_user(("no-such-user", "nobody")) == "nobody"


def test_a_program_behind_a_closed_folder_is_not_open_to_all(tmp_path: Path) -> None:
    program = server(tmp_path / "bin", "postgres") / "postgres"
    program.parent.chmod(0o700)
    assert not open_to_all(program)
    assert open_to_all(Path("/bin/sh"))
