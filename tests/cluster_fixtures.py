"""Real Kafka and PostgreSQL for tests that ask for them: started once a worker, fresh names for each test.

Rule: nothing is started unless a test asks, and a missing tier is told once more at the end of the run.
Dropped: a folder of tests that needs services. A test stands beside what it tests, and says by its fixtures
what it needs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, NoReturn, TypeVar

import pytest
import pytest_asyncio

from interlock_runtime.kafka.connection import Topics
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.kafka import KafkaService
from interlock_testing.services.settings import ServiceSettings, service_settings
from interlock_testing.services.tiers import (
    SKIPPED,
    LocalKafka,
    LocalPostgres,
    Missing,
    find_kafka,
    find_local_kafka,
    find_local_postgres,
    find_postgres,
    find_tls_postgres,
    running_kafka,
    running_postgres,
)

Service = TypeVar("Service")

SERVICES: Final = frozenset({"kafka", "postgres", "local_kafka", "local_postgres", "tls_postgres"})
TIMEOUT_S: Final = 300
"""The first test of a worker also pays for starting a JVM, on a machine where everything starts at once."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaService]:
    """A Kafka that every test of this worker shares: use `topics`, never names of your own."""
    found = find_kafka(service_settings())
    if isinstance(found, Missing):
        absent(found)
    with held(running_kafka(found, tmp_path_factory.mktemp("kafka"))) as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresService]:
    """A PostgreSQL that every test of this worker shares: `async with postgres.database() as url`."""
    found = find_postgres(service_settings())
    if isinstance(found, Missing):
        absent(found)
    with held(running_postgres(found)) as service:
        yield service


@pytest.fixture(scope="session")
def local_kafka() -> LocalKafka:
    """Brokers of one's own, to kill and pause: `local_kafka.cluster(tmp_path, brokers=3)`."""
    found = find_local_kafka(service_settings())
    return absent(found) if isinstance(found, Missing) else found


@pytest.fixture(scope="session")
def local_postgres() -> LocalPostgres:
    """A server of one's own, to kill: `local_postgres.server()`."""
    found = find_local_postgres()
    return absent(found) if isinstance(found, Missing) else found


@pytest.fixture(scope="session")
def tls_postgres() -> LocalPostgres:
    """The same, of programs that speak TLS."""
    found = find_tls_postgres()
    return absent(found) if isinstance(found, Missing) else found


@pytest_asyncio.fixture
async def topics(kafka: KafkaService) -> Topics:
    """The topics of a fresh cell, created."""
    named = fresh_topics()
    await create_topics(kafka.bootstrap, named)
    return named


@pytest_asyncio.fixture
async def database_url(postgres: PostgresService) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    async with postgres.database() as url:
        yield url


def absent(missing: Missing, settings: ServiceSettings | None = None) -> NoReturn:
    """A test that needs what is missing is skipped, or fails on a machine that builds."""
    if (settings or service_settings()).required:
        pytest.fail(missing.line, pytrace=False)
    pytest.skip(missing.line)


@contextmanager
def held(service: AbstractAsyncContextManager[Service]) -> Iterator[Service]:
    """A service that outlives the event loop of any one test: it gets a loop and a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as thread, asyncio.Runner() as runner:
        running = thread.submit(runner.run, service.__aenter__()).result()
        try:
            yield running
        finally:
            thread.submit(runner.run, service.__aexit__(None, None, None)).result()
            thread.submit(runner.close).result()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for a service is a test of the cluster, and gets the time to start one."""
    for item in items:
        if SERVICES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_S))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly, and once, which tier did not run."""
    for line in skipped_lines(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, red=True, bold=True)


def skipped_lines(reports: list[Any]) -> list[str]:
    """The lines of the tiers that were missing, each with the number of its tests."""
    told: dict[str, int] = {}
    for report in reports:
        _, _, line = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, str(report.longrepr))
        if SKIPPED in line:
            line = line.partition(SKIPPED)[2]
            told[line] = told.get(line, 0) + 1
    return [f"{SKIPPED} {count} tests{line}" for line, count in told.items()]
