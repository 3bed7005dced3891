"""A broker behind TLS and passwords, with an authority made for it, and connections to its doors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from interlock_runtime.kafka.connection import KafkaConnection
from interlock_testing.services.brokers import Guard
from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.tiers import LocalKafka
from tests.libs.interlock_upstream.certificates import make_identity

PASSWORD = "canary-word-of-alice"
WRONG = "canary-word-of-nobody"
SASL = {"sasl_username": "alice", "sasl_password": PASSWORD}
SCRAM = "SCRAM-SHA-512"


class Guarded(Struct, frozen=True):
    """The broker, its authority, and another one that signed nothing here."""

    cluster: KafkaCluster
    ca: str
    other_ca: str

    def connection(self, protocol: str, *, door: str | None = None, **more: Any) -> KafkaConnection:
        """By that protocol, to the door of the same name unless another is named; trusting the authority."""
        door = door or protocol
        where = self.cluster.bootstrap if door == "PLAINTEXT" else self.cluster.guarded(door)
        given: dict[str, Any] = {"ca": self.ca} | more
        return KafkaConnection(bootstrap=where, security_protocol=protocol, **given)


@asynccontextmanager
async def guarded_broker(local: LocalKafka, folder: Path) -> AsyncIterator[Guarded]:
    """One broker with every door there is; alice is its one user."""
    for name in ("own", "other"):
        (folder / name).mkdir()
    own, other = make_identity(folder / "own"), make_identity(folder / "other")
    identity = folder / "identity.pem"
    identity.write_bytes(own.key.read_bytes() + own.certificate.read_bytes())
    cluster = local.cluster(folder / "kafka", guard=Guard(identity=identity, users={"alice": PASSWORD}))
    await cluster.start()
    try:
        yield Guarded(cluster, str(own.ca_file), str(other.ca_file))
    finally:
        await cluster.stop()
