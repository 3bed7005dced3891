"""The doctor in a cell: each part that is missing, stuck or wrong is a finding that says what to do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from interlock_cli.cell_checkup import look_at_cell, standing_told, topics_told
from interlock_cli.checkup import Finding, Level
from interlock_runtime.cell_rows import RELAY, CellStanding, read_standing
from interlock_runtime.kafka.provision import Provisioned
from interlock_runtime.postgres import open_postgres, transaction
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.services.cells import fresh_topics

FILLED = (
    """
    INSERT INTO journal (position, stream, version, id, type, recorded_ms, body, log_position)
    VALUES (1, 's', 1, 'a', 'T', 0, '', 1)
    """,
    """
    INSERT INTO journal (position, stream, version, id, type, recorded_ms, body)
    VALUES (2, 's', 2, 'b', 'T', extract(epoch FROM now()) * 1000 - 60000, '')
    """,
    """
    INSERT INTO projection (name, epoch, position, owner, lease_until)
    VALUES ('routing-1', 4, 9, 'me', now() + interval '1 h')
    """,
    """
    INSERT INTO dead_letter (consumer, topic, partition, log_offset, recorded_ms, reason, detail, headers)
    VALUES ('c', 't', 0, 1, 1, 'bad_json', '', '')
    """,
)
WELL = CellStanding(
    generation=1,
    decided=12,
    waiting=0,
    waiting_s=0.0,
    relays=1,
    letters=0,
    projection="routing-1",
    projected=40,
    epoch=3,
    owner="host:1",
    lease_s=2.5,
)


def told(head: int | None = 40, **otherwise: Any) -> dict[str, Finding]:
    """The findings about a standing, by what they are about."""
    return {one.what: one for one in standing_told(replace(WELL, **otherwise), head)}


def test_a_cell_that_stands_well_is_told_in_three_lines() -> None:
    found = told()
    assert list(found) == ["relay", "projector", "projection"]
    assert {one.level for one in found.values()} == {Level.OK}
    assert "epoch 3" in found["projector"].says


def test_a_stuck_relay_is_a_failure_that_says_how_long() -> None:
    found = told(waiting=7, waiting_s=90.0)["relay"]
    assert found.level is Level.FAIL
    assert "stuck" in found.says
    assert "7 decisions wait for the log, the first for 90 s" in found.says
    assert "Kafka" in found.do


def test_decisions_that_nobody_publishes_say_what_to_start() -> None:
    found = told(waiting=7, waiting_s=90.0, relays=0)["relay"]
    assert (found.level, found.do) == (Level.FAIL, "start `interlock serve control`")


def test_no_relay_and_nothing_to_publish_is_a_warning() -> None:
    assert told(relays=0)["relay"].level is Level.WARN


def test_decisions_on_their_way_are_no_trouble() -> None:
    assert told(waiting=3, waiting_s=0.4)["relay"].level is Level.OK


@pytest.mark.parametrize("lease", [{"owner": None, "lease_s": 0.0}, {"lease_s": -5.0}])
def test_a_projection_that_nobody_holds_is_a_failure(lease: dict[str, Any]) -> None:
    found = told(**lease)
    assert found["projector"].level is Level.FAIL
    assert "interlock serve projector" in found["projector"].do
    assert "projection" not in found


def test_a_projector_that_does_not_get_on_is_told_with_its_distance() -> None:
    found = told(head=100)["projection"]
    assert found.level is Level.WARN
    assert "60 events behind" in found.says


def test_letters_that_wait_name_the_command() -> None:
    assert told(letters=2)["dead letters"].do == "interlock deadletters list"


def test_topics_are_one_line_or_one_for_each_flaw() -> None:
    (well,) = topics_told(Provisioned(sound=("a", "b"), replication=3))
    assert (well.level, well.says) == (Level.OK, "all 2 are as they must be, 3 copies")
    missing, flaw = topics_told(Provisioned(missing=("a",), flaws=("b has x=1 and wants 2: run `fix`",)))
    assert (missing.says, missing.do) == ("a is missing", "run `interlock migrate`")
    assert (flaw.level, flaw.says, flaw.do) == (Level.FAIL, "b has x=1 and wants 2", "run `fix`")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Any]:
    opened = open_postgres(database_url, size=2)
    yield opened
    await opened.dispose()


async def test_the_standing_is_read_from_the_tables(engine: Any) -> None:
    empty = await read_standing(engine)
    assert (empty.decided, empty.waiting, empty.relays, empty.letters, empty.owned) == (0, 0, 0, 0, False)
    async with transaction(engine) as connection:
        for statement in FILLED:
            await connection.execute(text(statement))
    async with engine.connect() as holder:
        await holder.execute(text(f"SELECT pg_advisory_lock({RELAY})"))
        seen = await read_standing(engine)
    assert (seen.decided, seen.waiting, seen.relays, seen.letters) == (2, 1, 1, 1)
    assert 55 < seen.waiting_s < 600
    assert (seen.projection, seen.projected, seen.epoch, seen.owner) == ("routing-1", 9, 4, "me")
    assert seen.owned


async def levels(settings: RuntimeSettings) -> dict[str, Finding]:
    return {one.what: one for one in await asyncio.to_thread(look_at_cell, settings)}


async def test_a_cell_without_any_running_part_is_told_part_by_part(
    kafka: Any, topics: Any, database_url: str
) -> None:
    settings = RuntimeSettings(
        gateway_id="g", database_url=database_url, kafka_bootstrap=kafka.bootstrap, topic_prefix=topics.prefix
    )
    found = await levels(settings)
    assert {name: one.level for name, one in found.items()} == {
        "PostgreSQL": Level.OK,
        "relay": Level.WARN,
        "projector": Level.FAIL,
        "Kafka": Level.OK,
        "topics": Level.OK,
    }


async def test_topics_that_are_missing_and_a_database_that_is_away_are_both_told(kafka: Any) -> None:
    settings = RuntimeSettings(
        gateway_id="g",
        database_url="postgresql://bob:geheim@127.0.0.1:9/cell",
        kafka_bootstrap=kafka.bootstrap,
        topic_prefix=fresh_topics().prefix,
    )
    found = await levels(settings)
    assert found["PostgreSQL"].level is Level.FAIL
    assert "127.0.0.1:9" in found["PostgreSQL"].says
    assert found["topics"].do == "run `interlock migrate`"
    assert not any("geheim" in f"{one.says} {one.do}" for one in found.values())


async def test_a_broker_that_is_away_and_a_schema_that_is_behind_are_both_told(postgres: Any) -> None:
    async with postgres.empty_database() as url:
        found = await levels(
            RuntimeSettings(gateway_id="g", database_url=url, kafka_bootstrap=("127.0.0.1:9",))
        )
    assert found["PostgreSQL"].do == "run `interlock migrate`"
    assert found["Kafka"].level is Level.FAIL
    assert "127.0.0.1:9" in found["Kafka"].says
