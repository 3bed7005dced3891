"""What each topic must be, and the sentence for each way in which one is not."""

import pytest
from msgspec.structs import replace

from interlock_domain.catalog.policy import Retention
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.layout import FoundTopic, TopicLayout, flaws, layouts

TOPICS = Topics("cell")
DAY = 86_400_000


def layout(name: str, replication: int = 3) -> TopicLayout:
    return next(
        one for one in layouts(TOPICS, replication=replication, retention=Retention()) if one.name == name
    )


def as_wanted(one: TopicLayout, **other: str) -> FoundTopic:
    settings = {setting.name: setting.value for setting in one.settings}
    changed = {name.replace("_", "."): value for name, value in other.items()}
    return FoundTopic(partitions=one.partitions, copies=3, settings=settings | changed)


def told(one: TopicLayout, found: FoundTopic) -> tuple[str, ...]:
    return flaws(one, found, replication=3, bootstrap="kafka:9092")


def test_the_five_topics_of_a_cell_are_those_of_the_design() -> None:
    found = {
        one.name: (one.partitions, {setting.name: setting.value for setting in one.settings})
        for one in layouts(TOPICS, replication=3, retention=Retention())
    }
    kept = {name: (count, settings.get("retention.ms")) for name, (count, settings) in found.items()}
    assert kept == {
        "cell.events.v1": (1, str(14 * DAY)),
        "cell.state.v1": (1, None),
        "cell.requests.v1": (12, str(7 * DAY)),
        "cell.transitions.v1": (3, str(30 * DAY)),
        "cell.dlq.v1": (3, str(30 * DAY)),
    }
    for name, (_, settings) in found.items():
        assert settings["cleanup.policy"] == ("compact" if name == TOPICS.state else "delete")
        assert settings["message.timestamp.type"] == "LogAppendTime"
        assert settings["min.insync.replicas"] == "2"


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "4")])
def test_one_copy_may_be_away_unless_there_is_only_one(replication: int, in_sync: str) -> None:
    settings = {one.name: one.value for one in layout(TOPICS.events, replication).settings}
    assert settings["min.insync.replicas"] == in_sync


@pytest.mark.parametrize("name", [TOPICS.events, TOPICS.state, TOPICS.requests])
def test_given_a_topic_as_it_must_be_then_nothing_is_told(name: str) -> None:
    assert told(layout(name), as_wanted(layout(name))) == ()


@pytest.mark.parametrize(
    "generous",
    [
        {"retention_ms": str(90 * DAY)},
        {"retention_ms": "-1"},
        {"min_insync_replicas": "3"},
        {"max_message_bytes": "8388608"},
    ],
)
def test_given_more_than_is_wanted_then_it_is_accepted(generous: dict[str, str]) -> None:
    events = layout(TOPICS.events)
    assert told(events, as_wanted(events, **generous)) == ()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"retention_ms": "3600000"}, "retention.ms=3600000 and wants at least 1209600000"),
        ({"retention_bytes": "1073741824"}, "retention.bytes=1073741824 and wants exactly -1"),
        ({"cleanup_policy": "compact"}, "cleanup.policy=compact and wants exactly delete"),
        ({"message_timestamp_type": "CreateTime"}, "message.timestamp.type=CreateTime and wants exactly Log"),
        ({"min_insync_replicas": "1"}, "min.insync.replicas=1 and wants at least 2"),
        ({"max_message_bytes": "many"}, "max.message.bytes=many and wants at least 1048588"),
    ],
)
def test_given_a_wrong_setting_then_the_command_that_corrects_it_is_told(
    wrong: dict[str, str], sentence: str
) -> None:
    events = layout(TOPICS.events)
    (said,) = told(events, as_wanted(events, **wrong))
    assert sentence in said
    assert "`kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics" in said
    assert "--entity-name cell.events.v1 --add-config " in said


def test_given_slow_compaction_then_it_is_told() -> None:
    state = layout(TOPICS.state)
    (said,) = told(state, as_wanted(state, segment_ms="604800000"))
    assert "segment.ms=604800000 and wants at most 600000" in said


def test_given_an_events_topic_of_three_partitions_then_no_command_is_promised() -> None:
    events = layout(TOPICS.events)
    (said,) = told(events, replace(as_wanted(events), partitions=3))
    assert "needs exactly 1" in said
    assert "INTERLOCK_TOPIC_PREFIX" in said


def test_given_too_few_partitions_then_they_can_be_added_and_more_are_fine() -> None:
    requests = layout(TOPICS.requests)
    (said,) = told(requests, replace(as_wanted(requests), partitions=3))
    assert "--alter --topic cell.requests.v1 --partitions 12" in said
    assert told(requests, replace(as_wanted(requests), partitions=24)) == ()


def test_given_too_few_copies_then_both_ways_out_are_told() -> None:
    events = layout(TOPICS.events)
    (said,) = told(events, replace(as_wanted(events), copies=1))
    assert "has 1 of 3 copies" in said
    assert "--replication 1" in said
