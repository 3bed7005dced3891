"""How a broker for tests is configured, and when a cluster is whole.

Rule: what differs from a broker's defaults is here with its reason; topics get their own settings from the
provisioner, never from a broker's defaults. Counting open ports was dropped: a port is open long before the
broker has joined, and it has joined long before its copies are whole.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from msgspec import Struct

SESSION_TIMEOUT_MS: Final = 3_000
"""How long a dead broker leads on; the default of 9 s would be the longest pause of every drill."""
ANSWER_S: Final = 5.0
"""A broker that does not answer by then is asked again."""

BETWEEN_LOOKS_S: Final = 0.05

LOG4J: Final = """rootLogger.level=WARN
rootLogger.appenderRef.stdout.ref=STDOUT
appender.stdout.type=Console
appender.stdout.name=STDOUT
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d %p %c: %m%n
"""


class Guard(Struct, frozen=True, kw_only=True):
    """What makes a broker offer guarded doors too: who it is, and whom it knows."""

    identity: Path
    """PEM: a private key (PKCS #8) and the certificate of 127.0.0.1."""
    users: dict[str, str]
    """Name -> password, the same for PLAIN and SCRAM."""

    def scram(self) -> list[str]:
        """For the formatting of a data folder: SCRAM users live in the cluster's own metadata."""
        said = (f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in self.users.items())
        return [word for one in said for word in ("--add-scram", one)]


GUARDED: Final = ("SSL", "SASL_PLAINTEXT", "SASL_SSL")


class Ports(Struct, frozen=True, kw_only=True):
    """Where a broker listens on loopback; `guarded`: security protocol -> port."""

    client: int
    controller: int
    guarded: dict[str, int] = {}

    @property
    def address(self) -> str:
        """For clients."""
        return f"127.0.0.1:{self.client}"


def properties(broker: int, ports: Mapping[int, Ports], data: Path, *, guard: Guard | None = None) -> str:
    """The configuration of one broker of the cluster that `ports` tells."""
    voters = ",".join(f"{one}@127.0.0.1:{its.controller}" for one, its in ports.items())
    copies = min(3, len(ports))
    own = ports[broker]
    doors = ",".join(
        [f"PLAINTEXT://{own.address}", *(f"{name}://127.0.0.1:{port}" for name, port in own.guarded.items())]
    )
    said = {
        "process.roles": "broker,controller",
        "node.id": broker,
        "controller.quorum.voters": voters,
        "listeners": f"{doors},CONTROLLER://127.0.0.1:{own.controller}",
        "advertised.listeners": doors,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "broker.session.timeout.ms": SESSION_TIMEOUT_MS,
        "broker.heartbeat.interval.ms": SESSION_TIMEOUT_MS // 6,
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        # Consumer groups answer at once: few partitions to open, nobody else to wait for.
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": max(1, copies - 1),
        "group.initial.rebalance.delay.ms": 0,
        # Compaction within a test's patience, in little memory.
        "log.cleaner.backoff.ms": 1_000,
        "log.cleaner.dedupe.buffer.size": 2_097_152,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
    }
    said |= _guarding(guard) if guard is not None else {}
    return "".join(f"{name}={value}\n" for name, value in said.items())


def _guarding(guard: Guard) -> dict[str, object]:
    jaas, modules = "sasl.jaas.config", "org.apache.kafka.common.security"
    users = " ".join(f'user_{name}="{word}"' for name, word in guard.users.items())
    said: dict[str, object] = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": guard.identity,
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        # Named in full: a broker that has to tell doors apart assumes none of them.
        "listener.security.protocol.map": ",".join(
            ["CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in ("PLAINTEXT", *GUARDED))]
        ),
    }
    for door in ("sasl_plaintext", "sasl_ssl"):
        said |= {
            f"listener.name.{door}.plain.{jaas}": f"{modules}.plain.PlainLoginModule required {users};",
            f"listener.name.{door}.scram-sha-512.{jaas}": f"{modules}.scram.ScramLoginModule required;",
        }
    return said


async def counts_exactly(address: str, running: set[int]) -> bool:
    """The broker at `address` sees these brokers and no other, and every one of them has what it is to copy.

    Ask each: one that was paused goes on seeing what it knew before.
    """
    if not await _listens(address):  # the client would log an error
        await asyncio.sleep(BETWEEN_LOOKS_S)
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=[address], request_timeout_ms=int(ANSWER_S * 1000))
    try:
        async with asyncio.timeout(ANSWER_S):
            await admin.start()
            seen = await admin.describe_cluster()
            topics = await admin.describe_topics()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    partitions = [one for topic in topics for one in topic["partitions"]]
    in_sync = all(set(one["isr"]) == running.intersection(one["replicas"]) for one in partitions)
    return in_sync and {broker["node_id"] for broker in seen["brokers"]} == running


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
