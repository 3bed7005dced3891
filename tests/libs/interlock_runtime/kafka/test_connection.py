"""One way to reach a cell: options for every client, names for every topic, and no password in sight."""

import ssl
from pathlib import Path

import pytest

from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.settings import RuntimeSettings

SASL = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u", "sasl_password": "hush"}


def connection(**changed) -> KafkaConnection:
    return KafkaConnection(bootstrap=("a:1", "b:2"), **changed)


def test_settings_become_a_connection() -> None:
    settings = RuntimeSettings(
        gateway_id="g",
        kafka_bootstrap=("a:1", "b:2"),
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="u",
        kafka_sasl_password="hush",
        kafka_ca="/ca.pem",
    )
    assert KafkaConnection.of(settings) == connection(security_protocol="SASL_SSL", ca="/ca.pem", **SASL)


def test_given_no_address_then_the_sentence_names_the_variable() -> None:
    with pytest.raises(Unreachable, match="set INTERLOCK_KAFKA_BOOTSTRAP"):
        KafkaConnection.of(RuntimeSettings(gateway_id="g"))


def test_plain_text_needs_the_addresses_alone() -> None:
    options = connection().client_options()
    assert options.pop("connections_max_idle_ms") > 0
    assert options == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}


def test_a_mechanism_without_tls_brings_name_and_password() -> None:
    options = connection(security_protocol="SASL_PLAINTEXT", **SASL).client_options()
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "hush")
    assert "ssl_context" not in options


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_proves_the_broker(protocol: str) -> None:
    context = connection(security_protocol=protocol, **SASL).client_options()["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_given_an_authority_that_cannot_be_read_then_the_sentence_names_file_and_variable(
    tmp_path: Path,
) -> None:
    missing, garbage = tmp_path / "missing.pem", tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for file in (missing, garbage):
        with pytest.raises(Unreachable, match=f"{file}.*correct INTERLOCK_KAFKA_CA"):
            connection(security_protocol="SSL", ca=str(file)).client_options()


def test_the_password_is_not_shown() -> None:
    shown = connection(security_protocol="SASL_SSL", **SASL)
    assert "hush" not in f"{shown!r} {shown} {shown.where}"


def test_every_topic_carries_the_prefix() -> None:
    topics = Topics()
    named = (topics.events, topics.state, topics.requests, topics.transitions, topics.dead_letters)
    assert named == tuple(
        f"interlock.{name}.v1" for name in ("events", "state", "requests", "transitions", "dlq")
    )
    assert Topics("blue").events == "blue.events.v1"
