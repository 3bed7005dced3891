"""Journal and Kafka together keep the whole contract of an event log, with the relay between them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from msgspec import structs

from interlock_eventlog.adapters.cluster import ClusterEventLog, NotPublished
from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.relay import Relay
from interlock_eventlog.log import Appended
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.eventlog import EventLogContract
from interlock_testing.contracts.queries import EventQueriesContract
from interlock_testing.contracts.samples import decision, one
from tests.libs.interlock_eventlog.adapters.kafka_rig import connection_to, events_topic, log_at


class ClockedSender:
    """Stamps the relay's records: the contract speaks of times, and the topic of a test lets us say them."""

    def __init__(self, sender: KafkaSender, clock: Callable[[], int]) -> None:
        self._sender = sender
        self._clock = clock

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        now = self._clock()
        return await self._sender.send(topic, [structs.replace(one, timestamp_ms=now) for one in records])


class Always:
    """The only control process there is."""

    async def holding(self, work) -> None:
        await work()


@asynccontextmanager
async def cluster(kafka, database_url, clock, *, relaying=True, publish_wait_s=30.0):
    topics = await events_topic(kafka)
    engine = open_postgres(database_url)
    journal = PostgresJournal(engine, clock=clock)
    sender = KafkaSender(connection_to(kafka), client_id="relay", timeout_s=20.0)
    relay = Relay(journal, ClockedSender(sender, clock), topics=topics, lock=Always(), generation=1)
    running = asyncio.create_task(relay.run()) if relaying else None
    try:
        async with log_at(kafka, topics, clock) as log:
            yield ClusterEventLog(journal, log, publish_wait_s=publish_wait_s)
    finally:
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        await sender.close()
        await journal.close()
        await engine.dispose()


class TestClusterEventLog(EventLogContract, EventQueriesContract):
    @pytest.fixture(autouse=True)
    def _services(self, kafka, postgres):
        self.kafka, self.postgres = kafka, postgres

    @asynccontextmanager
    async def opened(self, clock):
        async with self.postgres.database() as url, cluster(self.kafka, url, clock) as log:
            yield log

    searchable = opened


async def test_given_no_relay_when_appended_then_the_sentence_says_where_the_decision_stands(
    kafka, database_url
):
    async with cluster(kafka, database_url, ManualClock(), relaying=False, publish_wait_s=0.05) as log:
        with pytest.raises(NotPublished, match=r"stands in the journal \(j1\)"):
            await log.append([one("config", 0, decision("a"))])
        assert await log.head() == 0


async def test_given_an_empty_journal_when_only_versions_are_checked_then_nobody_waits_for_the_relay(
    kafka, database_url
):
    async with cluster(kafka, database_url, ManualClock(), relaying=False, publish_wait_s=0.05) as log:
        assert await log.append([one("config", 0)]) == Appended(position=0, versions={"config": 0})
