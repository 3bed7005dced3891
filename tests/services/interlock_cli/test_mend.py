"""`interlock migrate` over stores of which one was put back or replaced: what it sees and makes whole."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from msgspec.structs import replace
from sqlalchemy import text

from interlock_cli.cell import Wanted, ground
from interlock_cli.mend import Line
from interlock_cli.refusal import Refusal
from interlock_domain.catalog.config import Config
from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.relay import RELAY_LOCK, Relay
from interlock_feed.adapters.kafka import KafkaFeed
from interlock_runtime.advisory_lock import AdvisoryLock
from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_runtime.kafka.sender import KafkaSender
from interlock_runtime.postgres import open_postgres, transaction
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.contracts.samples import commit_row, decision, one
from interlock_testing.services.cells import fresh_topics
from interlock_testing.services.kafka import KafkaService
from interlock_testing.waiting import until
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.views import ViewCommit

APPLY = Wanted(config=Config())
LOOK = Wanted(config=Config(), look_only=True)
RAISE = Wanted(config=Config(), new_generation=True)
NAME = "routing-1"


@dataclass
class Ground:
    """A cell without services: its stores, used as services use them."""

    settings: RuntimeSettings
    engine: Any
    connection: KafkaConnection
    topics: Topics

    async def says(self, wanted: Wanted) -> list[Line]:
        """The lines behind those of schema and topics."""
        lines = [line async for line in ground(self.settings, wanted)]
        return [line for line in lines if line.what not in {"schema", "topic"}]

    async def decide(self, *names: str) -> None:
        journal = PostgresJournal(self.engine)
        for name in names:
            await journal.append([one("config", None, decision(name))])
        await journal.close()

    async def publish(self) -> None:
        journal, sender = (
            PostgresJournal(self.engine),
            KafkaSender(self.connection, client_id="t", timeout_s=20),
        )
        lock = AdvisoryLock(self.engine, RELAY_LOCK)
        await Relay(journal, sender, topics=self.topics, lock=lock, generation=1).drain()
        await sender.close()
        await journal.close()

    async def show(self, position: int) -> int:
        """Commit a view at this position and show it to gateways; the epoch."""
        views, feed = PostgresViews(self.engine), KafkaFeed(self.connection, self.topics, send_s=30.0)
        stands, epoch = await views.position(NAME), await views.claim(NAME)
        step = ViewCommit(projection=NAME, epoch=epoch, expected_position=stands, position=position, rows={})
        assert await views.commit(step)
        await feed.publish(commit_row(position, epoch=epoch), {})
        await feed.close()
        return epoch

    async def run(self, sql: str) -> Any:
        async with transaction(self.engine) as connection:
            done = await connection.execute(text(sql))
            return done.scalar() if done.returns_rows else None

    async def lose_kafka(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(self.connection.bootstrap))
        await admin.start()
        try:
            await admin.delete_topics([self.topics.events, self.topics.state])

            async def gone() -> bool:
                return {self.topics.events, self.topics.state}.isdisjoint(await admin.list_topics())

            await until(gone, timeout_s=60.0, what="the topics to be gone")
        finally:
            await admin.close()


@pytest.fixture
async def cell(kafka: KafkaService, database_url: str) -> AsyncIterator[Ground]:
    topics = fresh_topics()
    settings = RuntimeSettings(
        gateway_id="g", database_url=database_url, kafka_bootstrap=kafka.bootstrap, topic_prefix=topics.prefix
    )
    engine = open_postgres(database_url)
    found = Ground(settings, engine, KafkaConnection(bootstrap=kafka.bootstrap), topics)
    try:
        assert await found.says(APPLY) == [Line(what="generation", says="1")]
        yield found
    finally:
        await engine.dispose()


async def test_given_stores_that_agree_then_every_look_says_so_and_a_new_generation_mends_nothing(
    cell: Ground,
) -> None:
    await cell.decide("a", "b")
    await cell.publish()
    await cell.show(2)
    for wanted in (LOOK, APPLY):
        assert await cell.says(wanted) == [Line(what="generation", says="1")]
    mended, generation = await cell.says(RAISE)
    assert mended.says == "agrees with the log, nothing is to be mended"
    assert generation.says.startswith("2: gateways take whatever position")


@pytest.mark.parametrize("wanted", [LOOK, APPLY])
async def test_given_a_database_put_back_then_it_is_told_by_what_gateways_were_shown(
    cell: Ground, wanted: Wanted
) -> None:
    await cell.decide("a")
    await cell.publish()
    await cell.show(1)
    await cell.run("DELETE FROM projection")
    (told,) = await cell.says(wanted)
    assert (told.what, told.wrong) == ("database", True)
    assert "gateways were shown g1:1 of epoch 1, and the database stands at g1:0 of epoch 0" in told.says
    assert told.says.endswith("docs/runbooks/restore.md")


async def test_given_an_owner_since_the_copy_was_put_back_then_its_older_epoch_is_told(cell: Ground) -> None:
    await cell.show(0)
    await cell.show(0)
    await cell.run("UPDATE projection SET epoch = 1")
    (told,) = await cell.says(LOOK)
    assert "of epoch 2, and the database stands at g1:0 of epoch 1" in told.says


async def test_given_a_database_put_back_when_raised_then_decisions_are_listed_and_no_generation_comes_twice(
    cell: Ground,
) -> None:
    await cell.decide("a", "b", "c")
    await cell.publish()
    feed = KafkaFeed(cell.connection, cell.topics, send_s=30.0)
    await feed.publish(commit_row(3, generation=4), {})
    await feed.close()
    await cell.run("DELETE FROM journal WHERE position > 1")
    lines = await cell.says(RAISE)
    assert [line.what for line in lines] == ["journal", "taken back", "taken back", "generation"]
    assert lines[0].says.startswith(
        "2 decisions stood in the log alone and are taken back, up to log position 3 ("
    )
    assert lines[1].says.startswith("j2  ProviderRemoved config version 2 by alice, 2")
    assert lines[-1].says.startswith("5: ")
    assert await cell.says(LOOK) == [Line(what="generation", says="5")]


async def test_given_topics_made_anew_then_a_plain_run_says_so_and_a_new_generation_publishes_all(
    cell: Ground,
) -> None:
    await cell.decide("a", "b", "c")
    await cell.publish()
    epoch = await cell.show(3)
    await cell.lose_kafka()
    (told,) = await cell.says(APPLY)
    assert (told.what, told.wrong) == ("log", True)
    assert "ends at 0 and is not the log that the database knows up to 3" in told.says
    lines = await cell.says(RAISE)
    assert [line.what for line in lines] == ["views", "log", "generation"]
    assert lines[0].says.startswith("begin again at position 0")
    assert lines[1].says == "3 decisions of the journal published"
    assert await cell.run("SELECT max(log_position) FROM journal") == 3
    assert await cell.run("SELECT epoch FROM projection") > epoch
    assert await cell.says(LOOK) == [Line(what="generation", says="2")]


async def test_given_a_batch_that_never_was_whole_then_it_is_listed_as_left(cell: Ground) -> None:
    await cell.decide("a")
    await cell.publish()
    await cell.decide("b", "c")
    await cell.run("UPDATE journal SET log_position = 99 WHERE position = 2")
    await cell.publish()
    await cell.run("DELETE FROM journal WHERE position > 1")
    left, generation = await cell.says(RAISE)
    assert left.says.startswith("ProviderRemoved config version 3 by alice")
    assert left.says.endswith("decide it again")
    assert generation.says.startswith("2: ")


async def test_given_a_control_plane_that_runs_then_nothing_is_touched(cell: Ground) -> None:
    await cell.decide("a")
    held, done = asyncio.Event(), asyncio.Event()

    async def relays() -> None:
        held.set()
        await done.wait()

    relay = asyncio.create_task(AdvisoryLock(cell.engine, RELAY_LOCK).holding(relays))
    await held.wait()
    try:
        with pytest.raises(Refusal, match="stop every control plane and every projector"):
            await cell.says(RAISE)
    finally:
        done.set()
        await relay
    assert await cell.says(LOOK) == [Line(what="generation", says="1")]


async def test_given_a_journal_that_went_on_then_one_sentence_refuses_and_the_generation_stays(
    cell: Ground,
) -> None:
    await cell.decide("a", "b")
    await cell.publish()
    await cell.run("DELETE FROM journal WHERE position > 1")
    await cell.decide("other")
    with pytest.raises(Refusal, match="another decision as config version 2 than the log at position 2"):
        await cell.says(RAISE)
    assert (await cell.says(replace(LOOK)))[-1].says == "1"
