"""Kafka connections: where the brokers are, how to prove who we are, and what our topics are called.

Rule: every client of every adapter takes its options from here, so that a cell is reached in one way; a
topic's name is built here and nowhere else, so that another prefix makes another cell. The password is
never shown. Reading the environment here was dropped: composition roots read settings, once.
"""

import ssl
from typing import Any, Final

from msgspec import Struct

from interlock_runtime.settings import RuntimeSettings

CONNECTIONS_MAX_IDLE_MS: Final = 4 * 60_000
"""We close an idle connection before the broker does (10 minutes) and before most load balancers (5)."""


class Unreachable(Exception):
    """Kafka cannot be reached or cannot answer now; one sentence that says what to do."""


class KafkaConnection(Struct, frozen=True, kw_only=True):
    """Where the brokers are and how we prove who we are."""

    bootstrap: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ca: str | None = None

    @classmethod
    def of(cls, settings: RuntimeSettings) -> "KafkaConnection":
        """The connection that the environment asks for."""
        if not settings.kafka_bootstrap:
            raise Unreachable("no Kafka is named: set INTERLOCK_KAFKA_BOOTSTRAP to host:port.")
        return cls(
            bootstrap=settings.kafka_bootstrap,
            security_protocol=settings.kafka_security_protocol,
            sasl_mechanism=settings.kafka_sasl_mechanism,
            sasl_username=settings.kafka_sasl_username,
            sasl_password=settings.kafka_sasl_password,
            ca=settings.kafka_ca,
        )

    @property
    def where(self) -> str:
        """The addresses, for sentences."""
        return ",".join(self.bootstrap)

    def client_options(self) -> dict[str, Any]:
        """Arguments that every aiokafka client takes."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap),
            "security_protocol": self.security_protocol,
            "connections_max_idle_ms": CONNECTIONS_MAX_IDLE_MS,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._tls()
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism or "PLAIN"
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return options

    def __repr__(self) -> str:
        """Without the password."""
        return f"KafkaConnection(bootstrap={self.bootstrap!r}, security_protocol={self.security_protocol!r})"

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:  # ssl.SSLError is one
            raise Unreachable(
                f"the certificate authority {self.ca} cannot be read ({error.strerror or 'no certificate'}): "
                "correct INTERLOCK_KAFKA_CA."
            ) from error


class Topics(Struct, frozen=True):
    """The topics of one cell."""

    prefix: str = "interlock"

    @property
    def events(self) -> str:
        """The log: decisions and facts."""
        return f"{self.prefix}.events.v1"

    @property
    def state(self) -> str:
        """The state feed, compacted."""
        return f"{self.prefix}.state.v1"

    @property
    def requests(self) -> str:
        """Batches of request records."""
        return f"{self.prefix}.requests.v1"

    @property
    def transitions(self) -> str:
        """What the fold observed."""
        return f"{self.prefix}.transitions.v1"

    @property
    def dead_letters(self) -> str:
        """Copies of records that nobody could read."""
        return f"{self.prefix}.dlq.v1"
