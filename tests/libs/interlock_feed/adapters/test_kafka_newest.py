"""The highest stamp on a state topic, whoever wrote it and wherever it stands."""

from interlock_domain.rows import CommitRow
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_feed.adapters.kafka_newest import newest_stamp
from interlock_feed.staging import Stamp
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_testing.contracts.samples import commit_row
from interlock_testing.services.kafka import KafkaService


async def test_given_an_empty_topic_then_there_is_none(kafka: KafkaService, topics: Topics) -> None:
    assert await newest_stamp(KafkaConnection(bootstrap=kafka.bootstrap), topics) is None


async def test_given_a_late_commit_of_a_replaced_owner_then_the_newer_one_counts(
    kafka: KafkaService, topics: Topics
) -> None:
    connection = KafkaConnection(bootstrap=kafka.bootstrap)
    owners: list[tuple[CommitRow, dict[str, bytes | None]]] = [
        (commit_row(90, epoch=7), {"a": b"1"}),
        (commit_row(40, epoch=2, generation=3), {"a": b"2"}),
        (commit_row(95, epoch=8, generation=2), {"a": b"3"}),
    ]
    for commit, rows in owners:
        feed = KafkaFeed(connection, topics, send_s=30.0)
        await feed.publish(commit, rows)
        await feed.close()
    assert await newest_stamp(connection, topics) == Stamp(3, 2, 40)
