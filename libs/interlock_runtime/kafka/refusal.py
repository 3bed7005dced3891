"""Why brokers turn us away: asked once more, by hand, when a client could not connect.

Rule: a client tells only that it found no broker; a wrong password, an unknown authority and a port that
wants TLS look the same to it. So one connection is made in the same way, and what it meets becomes a sentence
that names the variable to correct; a broker that is simply not there gives none. Reading the client's log for
the reason was dropped: it is prose, and it is switched off because it repeats at every try.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Final

from aiokafka.conn import create_conn  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest  # type: ignore[import-untyped]

from interlock_runtime.kafka.connection import KafkaConnection, Unreachable

LOOK_S: Final = 3.0
"""A broker that refuses does so in milliseconds; whoever waits for the sentence has waited already."""


async def refusal(connection: KafkaConnection, error: BaseException) -> str | None:
    """The sentence for a client that could not connect; None: brokers are away, or it was something else."""
    if not isinstance(error, KafkaConnectionError | OSError):
        return None
    looks = (asyncio.create_task(_look(connection, one)) for one in connection.bootstrap)
    with suppress(Unreachable):
        for said in await asyncio.gather(*looks):
            if said is not None:
                return f"Kafka at {connection.where} {said}."
    return None


async def _look(connection: KafkaConnection, address: str) -> str | None:
    host, _, port = address.rpartition(":")
    options = connection.client_options()
    for name in ("bootstrap_servers", "connections_max_idle_ms"):
        del options[name]
    conn: Any = None
    try:
        async with asyncio.timeout(LOOK_S):
            # The system's own answer first: what follows would not tell "nobody listens" from "hung up".
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            conn = await create_conn(host.strip("[]"), int(port), request_timeout_ms=LOOK_S * 1000, **options)
            await conn.send(MetadataRequest([]))
    except (OSError, KafkaError, TimeoutError) as error:
        return None if conn is None and _nobody(error) else _said(connection, error)
    finally:
        if conn is not None:
            conn.close()
    return None


def _nobody(error: Exception) -> bool:
    """No address, nobody who listens, or nobody who answers."""
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLError | ConnectionResetError)


def _said(connection: KafkaConnection, error: Exception) -> str | None:
    protocol = f"INTERLOCK_KAFKA_SECURITY_PROTOCOL (now {connection.security_protocol})"
    mechanism = connection.sasl_mechanism or "PLAIN"
    match error:
        case ssl.SSLCertVerificationError():
            why, remedy = f"not trusted ({error.verify_message})", "the file of the authority that signed it"
            return f"has a certificate that is {why}: set INTERLOCK_KAFKA_CA to {remedy}"
        case ssl.SSLError():
            return f"does not speak TLS at this port: correct {protocol} or the port"
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            variables = "INTERLOCK_KAFKA_SASL_USERNAME and INTERLOCK_KAFKA_SASL_PASSWORD"
            return f"refuses the user or the password: correct {variables}"
        case UnsupportedSaslMechanismError():
            return f"does not take {mechanism}: set INTERLOCK_KAFKA_SASL_MECHANISM to one that it offers"
        case IllegalSaslStateError():
            return f"asks for no user at this port: correct {protocol}"
        case KafkaConnectionError() | ConnectionResetError():
            told = "it is starting or stopping, or its port speaks another protocol"
            return f"takes the connection and hangs up: {told}, then correct {protocol}"
        case _:
            return None
