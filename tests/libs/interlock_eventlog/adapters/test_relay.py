"""The relay copies decisions in order, and whatever breaks it makes copies and never gaps."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.memory_journal import MemoryJournal
from interlock_eventlog.adapters.relay import BATCH, HAND_OVER_S, RELAY_LOCK, Relay
from interlock_eventlog.journal import Outbox, PublishedAt, Unpublished
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.reader import Record, TopicReader
from interlock_runtime.kafka.records import OutRecord, SentRecord
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_runtime.postgres import open_postgres, transaction
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.samples import decision, one
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.waiting import until

PATIENT = partial(until, timeout_s=30.0)


class Alone:
    """A lock that nobody else wants; counts how often it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def holding(self, work: Any) -> None:
        self.taken += 1
        await work()


class Broker:
    """A topic in memory, behind what a sender does; `failing` sends fail, the last `arriving` of them all the
    same arrive."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.failing = 0
        self.arriving = False
        self.topic = ""

    async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
        self.topic = topic
        first = len(self.records)
        if self.failing and not self.arriving:
            self.failing -= 1
            raise Unsent("the broker is away: start it.")
        self.records += records
        if self.failing:
            self.failing -= 1
            raise Unsent("the broker did not say whether it has them.")
        return [SentRecord(0, first + n, 1_000 + n) for n in range(len(records))]

    def versions(self) -> list[tuple[str, int]]:
        return [place_in_stream(record.value) for record in self.records]


def place_in_stream(value: bytes | None) -> tuple[str, int]:
    envelope = msgspec.json.decode(value or b"")
    return envelope["stream"], envelope["version"]


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def over(outbox: Outbox, broker: Broker, *, lock: Alone | None = None) -> Relay:
    return Relay(outbox, broker, topics=Topics(), lock=lock or Alone(), generation=1)


async def filled(journal: MemoryJournal | PostgresJournal, number: int = 3, stream: str = "config") -> None:
    version = sum(event.stream == stream for event in await journal.read(after=0, limit=100_000))
    names = [f"{stream}-{version + n}" for n in range(number)]
    await journal.append([one(stream, version, *(decision(name) for name in names))])


async def test_decisions_are_sent_in_order_as_cloud_events_and_their_places_are_noted():
    journal, broker = MemoryJournal(ManualClock()), Broker()
    await journal.append([one("config", 0, decision("a")), one("pool/p", 0, decision("b"))])
    relay = over(journal, broker)
    async with running(relay):
        assert await journal.log_position(2, 30.0) == 2
        assert await journal.log_position(1, 30.0) == 1
        await filled(journal, 1, "pool/q")
        assert await journal.log_position(3, 30.0) == 3
    first = broker.records[0]
    assert broker.topic == "interlock.events.v1"
    assert (first.key, first.partition) == (b"config", 0)
    assert dict(first.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"a",
        "ce_type": b"ProviderRemoved",
        "ce_source": b"/interlock/journal",
    }
    assert broker.versions() == [("config", 1), ("pool/p", 1), ("pool/q", 1)]


async def test_given_more_than_a_batch_then_everything_is_sent_once():
    journal, broker = MemoryJournal(ManualClock()), Broker()
    await filled(journal, BATCH + 7)
    async with running(over(journal, broker)):
        assert await journal.log_position(BATCH + 7, 30.0) == BATCH + 7
    assert broker.versions() == [("config", n) for n in range(1, BATCH + 8)]


async def test_given_a_broker_that_stays_away_then_the_lock_is_let_go_for_others():
    journal, broker, lock, clock = MemoryJournal(ManualClock()), Broker(), Alone(), ManualClock(0)
    broker.failing = 1_000_000
    relay = Relay(
        journal, broker, topics=Topics(), lock=lock, generation=1, monotonic=lambda: clock.now_ms / 1000
    )
    await filled(journal)
    async with running(relay):
        await PATIENT(lambda: broker.failing < 1_000_000, what="the first try")
        assert lock.taken == 1
        clock.now_ms = round(HAND_OVER_S * 1000) + 1_000
        await PATIENT(lambda: lock.taken == 2, what="the lock to be taken anew")
        broker.failing = 0
        assert await journal.log_position(3, 30.0) == 3


@pytest.mark.parametrize("arriving", [False, True])
async def test_given_a_send_that_fails_then_it_goes_again_from_the_first_without_a_place(arriving, caplog):
    caplog.set_level(logging.INFO)
    journal, broker, lock = MemoryJournal(ManualClock()), Broker(), Alone()
    broker.failing, broker.arriving = 2, arriving
    await filled(journal)
    relay = over(journal, broker, lock=lock)
    async with running(relay):
        last = await journal.log_position(3, 30.0)
        await PATIENT(lambda: "works again" in caplog.text, what="the relay to say that all is well")
    assert last == (9 if arriving else 3)
    assert broker.versions() == [("config", n) for n in (1, 2, 3)] * (3 if arriving else 1)
    assert lock.taken == 1
    told = [record.getMessage() for record in caplog.records if "publishing decisions" in record.getMessage()]
    assert len(told) == 2
    assert "the broker" in told[0]
    assert "works again" in told[1]


async def test_status_says_who_is_active_what_waits_and_for_how_long():
    journal, broker, clock = MemoryJournal(ManualClock()), Broker(), ManualClock(0)
    broker.failing = 1_000_000
    relay = Relay(
        journal, broker, topics=Topics(), lock=Alone(), generation=1, monotonic=lambda: clock.now_ms / 1000
    )
    idle = relay.status()
    assert (idle.active, idle.published, idle.waiting, idle.lag_s) == (False, 0, 0, 0.0)
    await filled(journal)
    async with running(relay):
        await PATIENT(lambda: relay.status().waiting == 3, what="the relay to see three entries")
        clock.now_ms = 4_000
        assert relay.status().lag_s == 4.0
        broker.failing = 0
        assert await journal.log_position(3, 30.0) == 3
        await PATIENT(lambda: relay.status().published == 3, what="the relay to count them")
        status = relay.status()
        assert (status.active, status.waiting, status.lag_s) == (True, 0, 0.0)
    assert not relay.status().active


async def test_given_a_mistake_in_the_program_then_the_relay_ends_loudly():
    class Broken(Broker):
        async def send(self, topic: str, records: Sequence[OutRecord]) -> list[SentRecord]:
            raise KeyError("a bug")

    journal = MemoryJournal(ManualClock())
    await filled(journal)
    with pytest.raises(KeyError):
        await over(journal, Broken()).run()


# ------------------------------------------------------------ with the real database and the real broker


class Cell:
    """Journals and relays of one cell, and what its events topic holds."""

    def __init__(self, url: str, bootstrap: tuple[str, ...], topics: Topics) -> None:
        self.engine = open_postgres(url)
        self.connection = KafkaConnection(bootstrap=bootstrap)
        self.topics = topics
        self.senders: list[KafkaSender] = []
        self.journal = PostgresJournal(self.engine)

    def relay(self, outbox: Outbox | None = None, *, timeout_s: float = 20.0) -> Relay:
        """Patient, since what was not acknowledged in time is sent again, and tests count copies."""
        sender = KafkaSender(self.connection, client_id="relay", timeout_s=timeout_s)
        self.senders.append(sender)
        lock = AdvisoryLock(self.engine, RELAY_LOCK)
        return Relay(outbox or self.journal, sender, topics=self.topics, lock=lock, generation=1)

    async def records(self) -> list[Record]:
        reader = TopicReader(self.connection, self.topics.events)
        await reader.start()
        try:
            reader.seek(0)
            end, found = await reader.end(), []
            while reader.position() < end:
                found += await reader.fetch(1_000, 1.0)
            return found
        finally:
            await reader.close()

    async def places(self) -> list[tuple[int, int, int, int]]:
        sql = "SELECT position, log_generation, log_position, log_ms FROM journal ORDER BY position"
        async with transaction(self.engine) as connection:
            return [tuple(row) for row in await connection.execute(text(sql))]

    async def end_the_holder(self) -> None:
        """The server ends the session that holds the relay's lock, as it does when its process dies."""
        sql = (
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database() "
            f"AND (CAST(classid AS bigint) << 32) + CAST(objid AS bigint) = {RELAY_LOCK}"
        )
        async with transaction(self.engine) as connection:
            assert (await connection.execute(text(sql))).fetchall() == [(True,)]

    async def close(self) -> None:
        for sender in self.senders:
            await sender.close()
        await self.journal.close()
        await self.engine.dispose()


@asynccontextmanager
async def cell_of(url: str, bootstrap: tuple[str, ...], topics: Topics) -> AsyncIterator[Cell]:
    cell = Cell(url, bootstrap, topics)
    try:
        yield cell
    finally:
        await cell.close()


@pytest.fixture
async def cell(database_url, kafka, topics):
    async with cell_of(database_url, kafka.bootstrap, topics) as opened:
        yield opened


def ordered(records: Sequence[Record]) -> list[tuple[str, int]]:
    return [place_in_stream(record.value) for record in records]


class StopsBeforeNoting:
    """An outbox whose relay is killed between the brokers' acknowledgement and the note."""

    def __init__(self, journal: PostgresJournal) -> None:
        self.journal = journal
        self.sent = asyncio.Event()

    async def unpublished(self, limit: int) -> list[Unpublished]:
        return await self.journal.unpublished(limit)

    async def published(self, places: Sequence[PublishedAt], generation: int) -> None:
        self.sent.set()
        await asyncio.Event().wait()

    async def publish_again(self, stream: str, version: int) -> int:
        raise NotImplementedError

    async def wait(self, timeout_s: float) -> bool:
        return await self.journal.wait(timeout_s)


async def test_given_writers_at_work_then_the_topic_holds_the_journal_in_its_order(cell):
    async with running(cell.relay()):

        async def write(writer: int) -> None:
            for n in range(10):
                await cell.journal.append([one(f"pool/{writer}", n, decision(f"{writer}-{n}"))])

        await asyncio.gather(*(write(writer) for writer in range(8)))
        assert await cell.journal.log_position(80, 30.0) is not None
    events = await cell.journal.read(after=0, limit=100)
    records = await cell.records()
    assert ordered(records) == [(event.stream, event.version) for event in events]
    assert await cell.places() == [
        (n, 1, record.offset + 1, record.timestamp) for n, record in enumerate(records, start=1)
    ]
    first = records[0]
    assert first.key == events[0].stream.encode()
    assert dict(first.headers)["ce_id"] == events[0].id.encode()


async def test_given_a_relay_killed_before_it_noted_then_the_next_sends_the_same_again(cell):
    await filled(cell.journal)
    killed = StopsBeforeNoting(cell.journal)
    async with running(cell.relay(killed)):
        async with asyncio.timeout(30):
            await killed.sent.wait()
    assert await cell.journal.log_position(1, 0.0) is None
    async with running(cell.relay()):
        assert await cell.journal.log_position(3, 30.0) == 6
        await filled(cell.journal, 1)
        assert await cell.journal.log_position(4, 30.0) == 7
    assert ordered(await cell.records()) == [("config", n) for n in (1, 2, 3, 1, 2, 3, 4)]


async def test_given_two_relays_then_one_is_active_and_the_other_takes_over_when_its_session_dies(cell):
    first, second = cell.relay(), cell.relay()
    async with running(first):
        await PATIENT(lambda: first.status().active, what="the first relay to be active")
        async with running(second):
            await filled(cell.journal)
            assert await cell.journal.log_position(3, 30.0) == 3
            await PATIENT(lambda: first.status().published == 3, what="the first relay to count them")
            assert second.status().published == 0
            assert not second.status().active
            await cell.end_the_holder()
            await PATIENT(lambda: not first.status().active, what="the first relay to notice")
            await PATIENT(
                lambda: first.status().active != second.status().active, what="one of them to be active"
            )
            await filled(cell.journal)
            assert await cell.journal.log_position(6, 30.0) is not None
            await PATIENT(
                lambda: first.status().published + second.status().published == 6,
                what="both relays to have counted all",
            )
    assert ordered(await cell.records()) == [("config", n) for n in range(1, 7)]


async def test_given_a_relay_that_stopped_then_another_is_active_within_its_patience(cell):
    first, second = cell.relay(), cell.relay()
    async with running(second):
        async with running(first):
            await PATIENT(
                lambda: first.status().active != second.status().active, what="one of them to be active"
            )
        await PATIENT(lambda: second.status().active, what="the second relay to take over")
        await filled(cell.journal)
        assert await cell.journal.log_position(3, 30.0) == 3


async def test_given_a_gap_that_a_reader_found_then_publish_again_sends_from_there_on(cell):
    async with running(cell.relay()):
        await filled(cell.journal, 4)
        assert await cell.journal.log_position(4, 30.0) == 4
        assert await cell.journal.publish_again("config", 3) == 2
        assert await cell.journal.log_position(4, 30.0) == 6
        assert await cell.journal.log_position(2, 30.0) == 2
    assert ordered(await cell.records()) == [("config", n) for n in (1, 2, 3, 4, 3, 4)]


async def test_given_the_broker_away_then_appends_go_on_and_it_gets_them_in_order_afterwards(
    database_url, local_kafka, tmp_path
):
    brokers = local_kafka.cluster(tmp_path)
    await brokers.start()
    try:
        topics = fresh_topics()
        await create_topics(brokers.bootstrap, topics)
        async with (
            cell_of(database_url, brokers.bootstrap, topics) as cell,
            running(cell.relay(timeout_s=3.0)),
        ):
            await filled(cell.journal)
            assert await cell.journal.log_position(3, 30.0) == 3
            brokers.kill(1)
            await filled(cell.journal)
            assert await cell.journal.log_position(4, 0.5) is None
            assert await cell.journal.head() == 6
            await brokers.start_again(1)
            assert await cell.journal.log_position(6, 60.0) is not None
            found = ordered(await cell.records())
        assert list(dict.fromkeys(found)) == [("config", n) for n in range(1, 7)]
    finally:
        await brokers.stop()
