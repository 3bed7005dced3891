"""Journal and log on real services: one of them is put back or replaced, and they are one history again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.relay import Relay
from interlock_eventlog.adapters.reunion import Reunion
from interlock_eventlog.codec import CODEC
from interlock_eventlog.reunion import Divided
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.kafka.records import OutRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.contracts.samples import decision, failure, one
from interlock_testing.services.kafka import KafkaService
from tests.libs.interlock_eventlog.adapters.kafka_rig import connection_to, events_topic, put


@dataclass
class Both:
    """A journal with its relay on one topic; another topic may take its place."""

    kafka: KafkaService
    engine: Any
    journal: PostgresJournal
    topics: Topics

    async def decide(self, *names: str, stream: str = "config") -> None:
        """A batch."""
        await self.journal.append([one(stream, None, *map(decision, names))])

    async def publish(self) -> int:
        sender = KafkaSender(connection_to(self.kafka), client_id="test-relay", timeout_s=20.0)
        lock = AdvisoryLock(self.engine, 1)
        try:
            return await Relay(self.journal, sender, topics=self.topics, lock=lock, generation=1).drain()
        finally:
            await sender.close()

    async def fact(self, seq: int) -> None:
        new = failure(seq)
        stream = "target/p/m"
        body = CODEC.encode(new, stream)
        headers = (("ce_source", b"/interlock/gateway/g1"),)
        await put(self.kafka, self.topics, OutRecord(key=stream.encode(), value=body, headers=headers))

    async def mend(self) -> Any:
        reader = TopicReader(connection_to(self.kafka), self.topics.events)
        try:
            return await Reunion(self.engine, reader).mend(2)
        finally:
            await reader.close()

    async def run(self, sql: str) -> list[Any]:
        async with transaction(self.engine) as connection:
            done = await connection.execute(text(sql))
            return [tuple(row) for row in done] if done.returns_rows else []

    async def entries(self) -> list[Any]:
        return await self.run("SELECT position, id, log_position FROM journal ORDER BY position")

    async def put_back(self, position: int) -> None:
        """What a restore of an older copy leaves."""
        await self.run(f"DELETE FROM journal WHERE position > {position}")


@pytest.fixture
async def both(kafka: KafkaService, database_url: str) -> AsyncIterator[Both]:
    async with opened(kafka, database_url) as found:
        yield found


@asynccontextmanager
async def opened(kafka: KafkaService, url: str) -> AsyncIterator[Both]:
    engine = open_postgres(url)
    journal = PostgresJournal(engine)
    try:
        yield Both(kafka, engine, journal, await events_topic(kafka))
    finally:
        await journal.close()
        await engine.dispose()


async def test_given_two_that_agree_when_mended_then_nothing_changes(both: Both) -> None:
    assert (await both.mend()).agreement.same
    await both.decide("a", "b")
    await both.publish()
    await both.fact(1)
    before = await both.entries()
    done = await both.mend()
    assert (done.taken, done.left, done.again, done.agreement.same) == ((), (), 0, True)
    assert await both.entries() == before


async def test_given_a_journal_put_back_when_mended_then_it_is_the_very_journal_it_was(both: Both) -> None:
    await both.decide("a", "b")
    await both.publish()
    await both.fact(1)
    await both.decide("c", "d", "e")
    await both.decide("f", stream="pool/p")
    await both.publish()
    before = await both.run(
        "SELECT position, stream, version, id, type, body, log_position FROM journal ORDER BY 1"
    )
    await both.put_back(2)
    done = await both.mend()
    assert [(position, one.id) for position, one in done.taken] == [(3, "c"), (4, "d"), (5, "e"), (6, "f")]
    after = await both.run(
        "SELECT position, stream, version, id, type, body, log_position FROM journal ORDER BY 1"
    )
    assert after == before
    assert (await both.mend()).taken == ()
    await both.decide("g")
    assert (await both.entries())[-1] == (7, "g", None)


async def test_given_a_copy_of_before_any_note_when_mended_then_the_log_gives_the_notes_too(
    both: Both,
) -> None:
    await both.decide("a")
    await both.decide("b")
    await both.publish()
    await both.put_back(1)
    await both.run("UPDATE journal SET log_position = NULL")
    done = await both.mend()
    assert [one.id for _, one in done.taken] == ["b"]
    assert await both.entries() == [(1, "a", 1), (2, "b", 2)]
    assert await both.publish() == 0


async def test_given_a_journal_that_went_on_after_it_was_put_back_then_it_is_refused_and_untouched(
    both: Both,
) -> None:
    await both.decide("a")
    await both.decide("b")
    await both.publish()
    await both.put_back(1)
    await both.decide("other")
    before = await both.entries()
    with pytest.raises(Divided, match="config version 2"):
        await both.mend()
    assert await both.entries() == before


async def test_given_an_empty_topic_when_mended_then_every_decision_is_published_again_in_order(
    both: Both,
) -> None:
    await both.decide("a", "b")
    await both.decide("c")
    await both.publish()
    both.topics = await events_topic(both.kafka)
    await both.fact(1)
    done = await both.mend()
    assert (done.agreement.same, done.again, done.valid, done.taken) == (False, 3, 0, ())
    assert await both.publish() == 3
    assert await both.entries() == [(1, "a", 2), (2, "b", 3), (3, "c", 4)]
    assert (await both.mend()).agreement.same


async def test_given_a_new_topic_that_grew_beyond_the_old_one_then_the_journals_note_shows_it(
    both: Both,
) -> None:
    await both.decide("a")
    await both.publish()
    both.topics = await events_topic(both.kafka)
    for seq in range(1, 4):
        await both.fact(seq)
    done = await both.mend()
    assert (done.agreement.same, done.again) == (False, 1)


async def test_given_a_log_that_lost_its_end_inside_a_batch_then_the_whole_batch_comes_again(
    both: Both,
) -> None:
    await both.decide("a")
    await both.decide("b", "c", "d")
    await both.publish()
    whole = both.topics
    both.topics = await events_topic(both.kafka)
    reader = TopicReader(connection_to(both.kafka), whole.events)
    reader.seek(0)
    records = await reader.fetch(2, 20.0)
    await reader.close()
    await put(
        both.kafka,
        both.topics,
        *(OutRecord(key=one.key, value=one.value, headers=tuple(one.headers)) for one in records),
    )
    done = await both.mend()
    assert (done.agreement.same, done.again, done.valid) == (False, 3, 2)
    assert [place for *_, place in await both.entries()] == [1, None, None, None]
