"""Guarded brokers: whoever has the right papers sends and reads, all others get a sentence to act on."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from interlock_runtime.kafka.connection import Topics, Unreachable
from interlock_runtime.kafka.provision import provision
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.refusal import refusal
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_testing.services.cells import fresh_topics
from interlock_testing.waiting import free_port, until
from tests.cluster_fixtures import held
from tests.libs.interlock_runtime.kafka.guarded import (
    PASSWORD,
    SASL,
    SCRAM,
    WRONG,
    Guarded,
    guarded_broker,
)

# A client that a broker refused is thrown away with its socket open: the collector closes it, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

TOPIC = Topics("refused").events

RIGHT = {
    "TLS alone": ("SSL", {}),
    "TLS and SCRAM": ("SASL_SSL", {"sasl_mechanism": SCRAM, **SASL}),
    "TLS and PLAIN": ("SASL_SSL", {"sasl_mechanism": "PLAIN", **SASL}),
    "SCRAM without TLS": ("SASL_PLAINTEXT", {"sasl_mechanism": SCRAM, **SASL}),
}
NOBODY = {"sasl_mechanism": SCRAM, "sasl_username": "alice", "sasl_password": WRONG}
STRANGER = {"sasl_mechanism": SCRAM, "sasl_username": "bob", "sasl_password": WRONG}
PLAIN = {"sasl_mechanism": "PLAIN", **SASL}
WRONGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "another authority": ("SSL", {"ca": "other"}, "INTERLOCK_KAFKA_CA"),
    "no authority": ("SASL_SSL", {"ca": None, **PLAIN}, "INTERLOCK_KAFKA_CA"),
    "a wrong password": ("SASL_SSL", NOBODY, "refuses the user or the password"),
    "a wrong password, PLAIN": ("SASL_SSL", {**NOBODY, "sasl_mechanism": "PLAIN"}, "refuses the user"),
    "an unknown user": ("SASL_PLAINTEXT", STRANGER, "refuses the user or the password"),
    "another mechanism": ("SASL_SSL", {**PLAIN, "sasl_mechanism": "SCRAM-SHA-256"}, "SASL_MECHANISM"),
    "no TLS to a TLS port": ("PLAINTEXT", {"door": "SSL"}, "(now PLAINTEXT)"),
    "nobody to a SASL port": ("SSL", {"door": "SASL_SSL"}, "(now SSL)"),
    "TLS to a plain port": ("SSL", {"door": "PLAINTEXT"}, "(now SSL)"),
    "a user where none is asked": ("SASL_SSL", {"door": "SSL", **PLAIN}, "asks for no user"),
}


@pytest.fixture(scope="module")
def guarded(local_kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One broker for all tests of this module."""
    with held(guarded_broker(local_kafka, tmp_path_factory.mktemp("guarded"))) as one:
        yield one


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a test throws away is collected within it, not in somebody else's."""
    yield
    gc.collect()


@pytest.mark.parametrize(("protocol", "papers"), RIGHT.values(), ids=RIGHT)
async def test_with_the_right_papers_topics_are_made_written_and_read(guarded, protocol, papers):
    connection, topics = guarded.connection(protocol, **papers), fresh_topics()
    assert len((await provision(connection, topics)).created) == 5
    sender, reader = (
        KafkaSender(connection, client_id="t", timeout_s=20),
        TopicReader(connection, topics.events),
    )
    try:
        await sender.send(topics.events, [OutRecord(key=b"k", value=b"v")])
        reader.seek(0)
        (record,) = await reader.fetch(10, 20.0)
    finally:
        await asyncio.gather(sender.close(), reader.close())
    assert (record.key, record.value) == (b"k", b"v")


@pytest.mark.parametrize(("protocol", "papers", "said"), WRONGS.values(), ids=WRONGS)
async def test_with_wrong_papers_each_client_says_which_variable_is_wrong(
    guarded, protocol, papers, said, caplog
):
    if papers.get("ca") == "other":
        papers = papers | {"ca": guarded.other_ca}
    connection = guarded.connection(protocol, **papers)
    sender, reader = KafkaSender(connection, client_id="t"), TopicReader(connection, TOPIC)
    with caplog.at_level(logging.CRITICAL, "aiokafka"):
        with pytest.raises(Unsent) as unsent:
            await sender.send(TOPIC, [OutRecord(key=b"k", value=b"v")])
        with pytest.raises(Unreachable) as unread:
            await reader.end()
        with pytest.raises(Unreachable) as unmade:
            await provision(connection, fresh_topics())
        await asyncio.gather(sender.close(), reader.close())
    assert {str(unread.value), str(unmade.value)} == {str(unsent.value)}
    assert said in str(unsent.value)
    assert str(unsent.value).startswith(f"Kafka at {connection.where} ")
    for word in (PASSWORD, WRONG, "Error", "\n"):
        assert word not in str(unsent.value)
    assert caplog.records == []


async def test_a_broker_that_is_away_is_nobodys_mistake(guarded):
    connection = guarded.connection("SSL")
    away = type(connection)(bootstrap=(f"127.0.0.1:{free_port()}", "nowhere.invalid:9092"))
    assert await refusal(away, OSError("unable to connect")) is None
    assert await refusal(connection, ValueError("no matter of connecting")) is None
    with contextlib.suppress(OSError):
        assert await refusal(connection, OSError("it works by now")) is None


async def test_given_a_broker_that_freezes_behind_tls_then_letting_go_of_it_ends_nobody(guarded):
    connection, topics = guarded.connection("SSL"), fresh_topics()
    await provision(connection, topics)
    reader = TopicReader(connection, topics.state)
    reader.seek(await reader.end())
    assert await reader.fetch(1, 0.1) == []
    guarded.cluster.pause(1)  # which never says goodbye, as TLS wants it
    try:
        async with asyncio.timeout(20):
            await reader.close()
    finally:
        guarded.cluster.go_on(1)

    async def answers() -> bool:
        try:
            return await reader.end() == 0
        except Unreachable:  # it leads again when it has noticed how long it was away
            return False

    await until(answers, timeout_s=60.0, what="the broker to answer again")
    await reader.close()
