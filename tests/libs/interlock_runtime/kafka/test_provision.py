"""Topics on a real broker: made once, judged ever after, altered never."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import (  # type: ignore[import-untyped]
    ConfigResource,
    ConfigResourceType,
)

from interlock_domain.catalog.policy import Retention
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.layout import layouts
from interlock_runtime.kafka.provision import TopicRefused, provision
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_testing.services.cells import fresh_topics, until_led
from interlock_testing.services.kafka import KafkaService
from interlock_testing.services.tiers import LocalKafka
from interlock_testing.waiting import free_port, until


def connection(kafka: KafkaService) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka.bootstrap)


def names(topics: Topics) -> tuple[str, ...]:
    return (topics.events, topics.state, topics.requests, topics.transitions, topics.dead_letters)


async def make(kafka: KafkaService, new: Iterable[NewTopic]) -> None:
    wanted = list(new)
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))
    await admin.start()
    try:
        answer = await admin.create_topics(wanted)
        assert not any(error[1] for error in answer.topic_errors), answer
        await until_led(admin, [one.name for one in wanted])
    finally:
        await admin.close()


async def test_given_nothing_then_a_look_makes_nothing_and_a_run_makes_all(kafka: KafkaService) -> None:
    topics = fresh_topics()
    seen = await provision(connection(kafka), topics, look_only=True)
    assert (seen.missing, seen.created, seen.flaws) == (names(topics), (), ())
    made = await provision(connection(kafka), topics)
    assert (made.missing, made.created, made.sound, made.flaws) == ((), names(topics), (), ())


async def test_given_a_second_run_then_everything_is_sound(kafka: KafkaService) -> None:
    topics = fresh_topics()
    await provision(connection(kafka), topics)
    again = await provision(connection(kafka), topics)
    assert (again.created, again.sound, again.flaws) == ((), names(topics), ())


async def test_given_one_topic_is_there_then_only_the_others_are_made(kafka: KafkaService) -> None:
    topics = fresh_topics()
    (events, *_) = layouts(topics, replication=1, retention=Retention())
    configs = {setting.name: setting.value for setting in events.settings}
    await make(kafka, [NewTopic(topics.events, 1, 1, topic_configs=configs)])
    found = await provision(connection(kafka), topics)
    assert found.sound == (topics.events,)
    assert found.created == names(topics)[1:]


async def test_given_a_wrong_topic_then_it_is_explained_and_left_alone(kafka: KafkaService) -> None:
    topics = fresh_topics()
    short = {"retention.ms": "3600000", "message.timestamp.type": "LogAppendTime"}
    await make(kafka, [NewTopic(topics.events, 2, 1, topic_configs=short)])
    first = await provision(connection(kafka), topics)
    again = await provision(connection(kafka), topics)
    assert again.flaws == first.flaws
    assert topics.events not in again.sound
    told = "\n".join(first.flaws)
    assert "retention.ms=3600000" in told
    assert "needs exactly 1" in told
    assert f"--entity-name {topics.events} --add-config retention.ms=1209600000" in told


async def test_given_topics_that_are_wrong_in_every_way_then_each_way_is_told_with_its_command(
    kafka: KafkaService,
) -> None:
    topics = fresh_topics()
    wrong = {
        topics.events: {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"},
        topics.state: {"cleanup.policy": "delete", "max.message.bytes": "1000"},
        topics.requests: {"retention.bytes": "1000000", "unclean.leader.election.enable": "true"},
        topics.transitions: {"retention.ms": "1000"},
        topics.dead_letters: {},
    }
    await make(kafka, [NewTopic(name, 1, 1, topic_configs=one) for name, one in wrong.items()])
    told = (await provision(connection(kafka), topics)).flaws
    for name, settings in wrong.items():
        for setting, value in settings.items():
            (said,) = [one for one in told if one.startswith(f"{name} has {setting}={value} and wants")]
            assert f"--entity-name {name} --add-config {setting}=" in said
    assert [one for one in told if one.startswith(f"{topics.requests} has 1 partitions and needs 12")]
    assert [one for one in told if one.startswith(f"{topics.dead_letters} has 1 partitions and needs 3")]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_given_three_brokers_then_each_record_has_three_copies_and_two_must_acknowledge(
    local_kafka: LocalKafka, tmp_path: Path
) -> None:
    cluster = local_kafka.cluster(tmp_path, brokers=3)
    await cluster.start()
    try:
        topics, lone = fresh_topics(), fresh_topics()
        where = connection(cluster.service)
        made = await provision(where, topics)
        assert (made.replication, made.created, made.flaws) == (3, names(topics), ())
        again = await provision(where, topics)
        assert (again.sound, again.flaws) == (names(topics), ())
        assert set((await in_sync(cluster.service, topics)).values()) == {"2"}
        await provision(where, lone, replication=1)
        told = (await provision(where, lone)).flaws
        assert [one for one in told if one.startswith(f"{lone.events} has 1 of 3 copies")]
        assert [one for one in told if one.startswith(f"{lone.events} has min.insync.replicas=1 and wants")]
        assert (await provision(where, lone, replication=1)).flaws == ()
        cluster.kill(3)
        assert (await sent(where, topics)).offset == 0, "one broker may be away"
    finally:
        await cluster.stop()


async def in_sync(kafka: KafkaService, topics: Topics) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))
    await admin.start()
    try:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names(topics)]
        found = [one for answer in await admin.describe_configs(asked) for one in answer.resources]
    finally:
        await admin.close()
    return {
        name: next(entry[1] for entry in entries if entry[0] == "min.insync.replicas")
        for _, _, _, name, entries in found
    }


async def sent(where: KafkaConnection, topics: Topics) -> SentRecord:
    """Sent again until the brokers have noticed who is gone."""
    sender = KafkaSender(where, client_id="test", timeout_s=10.0)

    async def try_once() -> SentRecord | None:
        try:
            return (await sender.send(topics.events, [OutRecord(key=b"k", value=b"{}")]))[0]
        except Unsent:
            return None

    try:
        found: SentRecord = await until(try_once, timeout_s=60.0, what="two brokers to acknowledge")
        return found
    finally:
        await sender.close()


async def test_given_more_copies_than_brokers_then_it_is_refused_before_anything_is_made(
    kafka: KafkaService,
) -> None:
    topics = fresh_topics()
    with pytest.raises(TopicRefused, match=r"7 copies of each topic need 7 brokers.*--replication"):
        await provision(connection(kafka), topics, replication=7)
    assert len((await provision(connection(kafka), topics, look_only=True)).missing) == 5


async def test_given_a_name_that_kafka_refuses_then_its_reason_is_told(kafka: KafkaService) -> None:
    with pytest.raises(TopicRefused, match=r"does not make the topic .*invalid topic"):
        await provision(connection(kafka), Topics("no name/of a topic"))


async def test_given_no_broker_then_one_sentence_says_where() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match=f"^Kafka at {nobody} cannot be reached: start it"):
        await provision(KafkaConnection(bootstrap=(nobody,)), fresh_topics())
