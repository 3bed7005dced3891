import os
import subprocess
import sys
from pathlib import Path

import pytest

from interlock_testing.services.settings import ServiceSettings
from interlock_testing.services.tiers import (
    SKIPPED,
    Container,
    Given,
    LocalKafka,
    LocalPostgres,
    Missing,
    find_kafka,
    find_local_kafka,
    find_postgres,
    running_kafka,
    running_postgres,
    told,
)
from tests.cluster_fixtures import absent, skipped_lines
from tests.libs.interlock_testing.services.test_docker import engine

SECRET_URL = "postgresql://anna:s3cret@db/x"


def settings(folder: Path, **said: object) -> ServiceSettings:
    fields = {"cache": folder, "docker": f"unix://{folder}/none", **said}
    return ServiceSettings(**fields)  # type: ignore[arg-type]


def test_a_given_service_comes_before_everything(tmp_path: Path) -> None:
    said = settings(tmp_path, kafka="a:1,b:2", database_url=SECRET_URL)
    assert find_kafka(said) == Given("a:1,b:2")
    assert find_postgres(said) == Given(SECRET_URL)


def test_a_docker_engine_comes_before_this_machine(tmp_path: Path) -> None:
    for find in (find_kafka, find_postgres):
        with engine(tmp_path / find.__name__, b"HTTP/1.0 200 OK\r\n\r\n") as host:
            assert find(settings(tmp_path, docker=host)) == Container()


def test_without_both_this_machine_serves(local_kafka: LocalKafka, tmp_path: Path) -> None:
    assert isinstance(find_postgres(settings(tmp_path)), LocalPostgres)
    cache = local_kafka.jars.parent.parent
    assert find_kafka(settings(cache, docker=f"unix://{tmp_path}/none")) == local_kafka


def test_what_is_missing_is_one_loud_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder can be here")
    found = find_local_kafka(settings(tmp_path / "cache"))
    assert isinstance(found, Missing)
    assert found.line.startswith(SKIPPED)
    assert "install java and maven" in found.line
    assert "INTERLOCK_TEST_KAFKA" in found.line
    assert "\n" not in found.line
    assert told("Kafka", found) == found.line


def test_what_is_said_of_a_service_holds_no_address(tmp_path: Path) -> None:
    assert "s3cret" not in told("PostgreSQL", Given(SECRET_URL))
    assert "container" in told("Kafka", Container())
    assert "/bin/java" in told("Kafka", LocalKafka(java="/bin/java", jars=tmp_path))
    assert "/pg/bin" in told("PostgreSQL", LocalPostgres(Path("/pg/bin")))


async def test_a_given_kafka_is_used_as_it_is(tmp_path: Path) -> None:
    async with running_kafka(Given("a:1,b:2"), tmp_path) as service:
        assert service.bootstrap == ("a:1", "b:2")


async def test_a_given_postgres_is_left_as_it_was(database_url: str) -> None:
    async with running_postgres(Given(database_url)) as service:
        async with service.database() as url:
            assert url.rpartition("/")[0] == database_url.rpartition("/")[0]
        template = service.template
    assert template is not None
    assert not await _exists(database_url, template)


def test_a_missing_service_skips_its_tests_and_fails_a_machine_that_builds(tmp_path: Path) -> None:
    missing = Missing(f"{SKIPPED}: Kafka is missing")
    with pytest.raises(pytest.skip.Exception, match="Kafka is missing"):
        absent(missing, settings(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="Kafka is missing"):
        absent(missing, settings(tmp_path, required=True))


def test_the_end_of_a_run_counts_the_tests_of_a_missing_tier() -> None:
    class Report:
        def __init__(self, why: object) -> None:
            self.longrepr = why

    line = f"Skipped: {SKIPPED}: Kafka is missing (install it)"
    reports = [Report(("f.py", 1, line)), Report(("g.py", 2, line)), Report(("h.py", 3, "Skipped: no nginx"))]
    assert skipped_lines(reports) == [f"{SKIPPED} 2 tests: Kafka is missing (install it)"]


@pytest.mark.parametrize(
    ("given", "status"), [({"INTERLOCK_TEST_KAFKA": "a:1"}, 0), ({"PATH": "/nowhere", "JAVA_HOME": ""}, 1)]
)
def test_asked_before_the_tests_it_says_what_they_get(
    tmp_path: Path, given: dict[str, str], status: int
) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none"}
    env = {name: value for name, value in env.items() if not name.startswith("INTERLOCK_")}
    command = [sys.executable, "-m", "interlock_testing.services"]
    done = subprocess.run(command, env={**env, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "PostgreSQL for the tests: started here" in done.stdout
    assert (SKIPPED in done.stderr) == bool(status)


async def _exists(url: str, database: str) -> bool:
    import asyncpg  # type: ignore[import-untyped]

    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database))
    finally:
        await connection.close()
