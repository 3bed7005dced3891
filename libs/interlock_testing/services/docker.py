"""Services in containers, where a Docker engine answers.

Rule: the images are those of compose.yaml, and a container is ready when its service answers, whatever it
logs. The ready-made Kafka container was dropped: it runs another distribution than a cluster does.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]

from interlock_testing.services.brokers import counts_exactly
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.jars import KAFKA_VERSION
from interlock_testing.services.kafka import KafkaService
from interlock_testing.waiting import free_port, until

KAFKA_IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE: Final = "postgres:18"
PASSWORD: Final = "interlock"
PING_S: Final = 5.0
"""An engine on this machine answers in milliseconds."""
READY_S: Final = 120.0
"""The image is fetched first."""


def docker_answers(host: str) -> bool:
    """The engine at this address (`unix://` or `tcp://`, as in DOCKER_HOST) is there and speaks to us.

    Asked by hand: the engine's own client leaves its socket open when nobody answers.
    """
    at = urlsplit(host)
    try:
        with socket.socket(socket.AF_UNIX if at.scheme == "unix" else socket.AF_INET) as asking:
            asking.settimeout(PING_S)
            asking.connect(at.path if at.scheme == "unix" else (at.hostname, at.port or 2375))
            asking.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return asking.recv(64).partition(b"\r\n")[0].endswith(b" 200 OK")
    except OSError:
        return False


def kafka_environment(port: int) -> dict[str, str]:
    """One broker that clients on this machine reach at `port`."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "3000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_CLEANER_BACKOFF_MS": "1000",
    }


@asynccontextmanager
async def kafka_container() -> AsyncIterator[KafkaService]:
    """One broker in a container."""
    port = free_port()
    address = f"127.0.0.1:{port}"

    async def ready() -> bool:
        return await counts_exactly(address, {1})

    async with _running(KAFKA_IMAGE, kafka_environment(port), inside=port, outside=port):
        await until(ready, timeout_s=READY_S, what=f"{KAFKA_IMAGE} to answer")
        yield KafkaService(bootstrap=(address,))


@asynccontextmanager
async def postgres_container() -> AsyncIterator[PostgresService]:
    """One server in a container."""
    port = free_port()
    service = PostgresService(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres")

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(service.url, timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(0.1)
            return False
        await connection.close()
        return True

    async with _running(POSTGRES_IMAGE, {"POSTGRES_PASSWORD": PASSWORD}, inside=5432, outside=port):
        await until(ready, timeout_s=READY_S, what=f"{POSTGRES_IMAGE} to answer")
        yield service


@asynccontextmanager
async def _running(
    image: str, environment: dict[str, str], *, inside: int, outside: int
) -> AsyncIterator[None]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 (slow, and seldom needed)

    container: Any = DockerContainer(image).with_bind_ports(inside, outside).with_envs(**environment)
    await asyncio.to_thread(container.start)
    try:
        yield
    finally:
        await asyncio.to_thread(container.stop)
