"""Which Kafka and which PostgreSQL the tests get: given, of a Docker engine, of this machine, or none.

Rule: the first that is there is taken, in that order, and none is a line that nobody overlooks; where CI=true
that line is a failure. Choosing per test was dropped: a run is about one kind of service, and says which.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_testing.services.binaries import JAVA_OLDEST, java_found, postgres_found, postgres_with_tls
from interlock_testing.services.brokers import Guard
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.docker import docker_answers, kafka_container, postgres_container
from interlock_testing.services.jars import KAFKA_VERSION, NoJars, fetch_jars
from interlock_testing.services.kafka import KafkaCluster, KafkaService
from interlock_testing.services.postgres import Certified, PostgresServer
from interlock_testing.services.settings import ServiceSettings

SKIPPED: Final = "!!! SKIPPED"


class Missing(Struct, frozen=True):
    """No such service here; the line says so and what to do about it."""

    line: str


class Given(Struct, frozen=True):
    """Somebody runs it for us: an address in the environment."""

    address: str


class Container(Struct, frozen=True):
    """A Docker engine answers."""


class LocalKafka(Struct, frozen=True):
    """Brokers on this machine can be started from these."""

    java: str
    jars: Path

    def cluster(self, folder: Path, *, brokers: int = 1, guard: Guard | None = None) -> KafkaCluster:
        """Brokers of one's own, to be broken; not started. With a `guard` they have guarded doors too."""
        return KafkaCluster(jars=self.jars, folder=folder, brokers=brokers, java=self.java, guard=guard)


class LocalPostgres(Struct, frozen=True):
    """A server on this machine can be started from these programs."""

    binaries: Path

    def server(self, *, tls: Certified | None = None) -> PostgresServer:
        """A server of one's own, to be broken; not started. With a certificate it offers TLS."""
        return PostgresServer(self.binaries, tls=tls)


def find_local_kafka(settings: ServiceSettings) -> LocalKafka | Missing:
    """Java and the jars, fetched when they are not there yet."""
    java = java_found(settings.java_home)
    if java is None:
        return _missing("Kafka", f"there is no Java {JAVA_OLDEST} or newer")
    jars = fetch_jars(settings.cache)
    return _missing("Kafka", jars.why) if isinstance(jars, NoJars) else LocalKafka(java=java, jars=jars)


def find_local_postgres() -> LocalPostgres | Missing:
    """The programs of the wheel, or installed ones."""
    binaries = postgres_found()
    if binaries is None:
        return _missing("PostgreSQL", "there are no programs `initdb` and `postgres`")
    return LocalPostgres(binaries)


def find_tls_postgres() -> LocalPostgres | Missing:
    """Programs that speak TLS."""
    binaries = postgres_with_tls()
    if binaries is None:
        return _missing("PostgreSQL", "there are no programs `initdb` and `postgres` of a distribution")
    return LocalPostgres(binaries)


def find_kafka(settings: ServiceSettings) -> Given | Container | LocalKafka | Missing:
    """Where the tests' Kafka comes from."""
    if settings.kafka is not None:
        return Given(settings.kafka)
    return Container() if docker_answers(settings.docker) else find_local_kafka(settings)


def find_postgres(settings: ServiceSettings) -> Given | Container | LocalPostgres | Missing:
    """Where the tests' PostgreSQL comes from."""
    if settings.database_url is not None:
        return Given(settings.database_url)
    return Container() if docker_answers(settings.docker) else find_local_postgres()


@asynccontextmanager
async def running_kafka(found: Given | Container | LocalKafka, folder: Path) -> AsyncIterator[KafkaService]:
    """The found Kafka, running; one that was given is left as it is."""
    match found:
        case Given():
            yield KafkaService(bootstrap=tuple(found.address.split(",")))
        case Container():
            async with kafka_container() as service:
                yield service
        case LocalKafka():
            cluster = found.cluster(folder)
            await cluster.start()
            try:
                yield cluster.service
            finally:
                await cluster.stop()


@asynccontextmanager
async def running_postgres(found: Given | Container | LocalPostgres) -> AsyncIterator[PostgresService]:
    """The found PostgreSQL, running, with its template migrated."""
    match found:
        case Given():
            service = PostgresService(found.address)
            await service.prepare()
            try:
                yield service
            finally:
                await service.close()
        case Container():
            async with postgres_container() as contained:
                await contained.prepare()
                yield contained
        case LocalPostgres():
            server = found.server()
            await server.start()
            try:
                await server.service.prepare()
                yield server.service
            finally:
                await server.remove()


def told(service: str, found: Given | Container | LocalKafka | LocalPostgres | Missing) -> str:
    """One line for people: where a service comes from. Never an address that may hold a password."""
    match found:
        case Missing():
            return found.line
        case Given():
            return f"{service} for the tests: given by the environment"
        case Container():
            return f"{service} for the tests: in a container"
        case LocalKafka():
            return f"{service} for the tests: {KAFKA_VERSION}, started here with {found.java}"
        case LocalPostgres():
            return f"{service} for the tests: started here from {found.binaries}"


def _missing(service: str, why: str) -> Missing:
    remedy = {
        "Kafka": "install java and maven, or name one in INTERLOCK_TEST_KAFKA",
        "PostgreSQL": "install postgresql, or name one in INTERLOCK_TEST_DATABASE_URL",
    }[service]
    return Missing(f"{SKIPPED}: {service} is missing, so the cluster's tests do not run: {why} ({remedy})")
