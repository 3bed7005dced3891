"""The schema's way up and down on a real PostgreSQL, with rows in it, and what the program says of it."""

import asyncio
import tomllib
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from interlock_records.adapters.sql import METADATA, REQUESTS
from interlock_runtime import migrate
from interlock_runtime.migrate import SchemaNewer, SchemaState, downgrade, schema_state, upgrade
from interlock_runtime.postgres import (
    SCHEMA,
    DatabaseUnreachable,
    SchemaBehind,
    check_schema,
    open_postgres,
    transaction,
)
from interlock_testing.services.databases import PostgresService
from interlock_testing.waiting import free_port
from tests.architecture.tree import ROOT

ROWS = (
    """INSERT INTO journal (position, stream, version, id, type, recorded_ms, body)
    VALUES (1, 'config', 1, 'e1', 'ConfigApplied', 5, '\\x7b7d')""",
    """INSERT INTO requests
    (request_id, started_ms, pool, result, snapshot_generation, snapshot_position, record)
    VALUES ('r1', 5, 'chat', 'served', 1, 1, '\\x7b7d')""",
    "INSERT INTO projection (name) VALUES ('routing-1')",
)


async def run(url: str, *statements: str) -> None:
    engine = open_postgres(url, size=1)
    async with transaction(engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def tables(url: str) -> set[str]:
    engine = open_postgres(url, size=1)
    async with transaction(engine) as connection:
        found = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    await engine.dispose()
    return set(found)


def test_what_services_ask_for_is_the_newest_revision() -> None:
    assert migrate.head() == SCHEMA


def test_a_wheel_carries_the_revisions_under_the_name_that_is_looked_for() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {migrate.location().name: migrate.SHIPPED}


async def test_given_an_empty_database_then_one_run_makes_it_and_a_second_changes_nothing(
    postgres: PostgresService,
) -> None:
    async with postgres.empty_database() as url:
        assert await schema_state(url) == SchemaState(present=None, head=SCHEMA)
        assert (await upgrade(url)).present is None
        assert (await upgrade(url)).current
        engine = open_postgres(url, size=1)
        await check_schema(engine)
        await engine.dispose()


async def test_given_rows_when_downgraded_then_every_table_is_gone_and_it_can_be_made_again(
    postgres: PostgresService,
) -> None:
    async with postgres.database() as url:
        await run(url, *ROWS)
        assert (await downgrade(url)).present == SCHEMA
        assert await tables(url) == {"alembic_version"}
        await upgrade(url)
        assert {"journal", "projection", "requests", "requests_other", "cluster"} < await tables(url)


async def test_given_two_runs_at_once_then_one_makes_the_tables_and_the_other_finds_them(
    postgres: PostgresService,
) -> None:
    async with postgres.empty_database() as url:
        found = await asyncio.gather(upgrade(url), upgrade(url))
        assert sorted(state.current for state in found) == [False, True]


async def test_given_a_statement_that_fails_then_nothing_of_the_migration_is_left(
    postgres: PostgresService,
) -> None:
    async with postgres.empty_database() as url:
        await run(url, "CREATE TABLE checkpoint (mine integer)")
        with pytest.raises(Exception, match="already exists"):
            await upgrade(url)
        assert await tables(url) == {"checkpoint"}


async def test_given_a_newer_schema_then_it_is_refused_with_a_sentence(postgres: PostgresService) -> None:
    async with postgres.database() as url:
        await run(url, "UPDATE alembic_version SET version_num = '9999'")
        for act in (schema_state, upgrade, downgrade):
            with pytest.raises(SchemaNewer, match=r"has schema 9999.*run the newer interlock"):
                await act(url)


async def test_the_generation_begins_at_one_and_rises_by_one(postgres: PostgresService) -> None:
    async with postgres.database() as url:
        assert await migrate.generation(url) == 1
        assert await migrate.new_generation(url) == 2
        assert await migrate.generation(url) == 2


async def test_a_new_generation_is_above_what_was_seen_and_fences_off_who_owns(
    postgres: PostgresService,
) -> None:
    async with postgres.database() as url:
        await run(url, "INSERT INTO projection (name, epoch, owner) VALUES ('routing-1', 3, 'somebody')")
        assert await migrate.new_generation(url, above=6) == 7
        assert await migrate.new_generation(url, above=2) == 8
        await run(url, "DELETE FROM projection WHERE owner IS NULL AND epoch = 5")
        engine = open_postgres(url, size=1)
        async with transaction(engine) as connection:
            assert await connection.scalar(text("SELECT count(*) FROM projection")) == 0
        await engine.dispose()


async def test_given_no_tables_then_the_generation_is_not_guessed(postgres: PostgresService) -> None:
    async with postgres.empty_database() as url:
        with pytest.raises(SchemaBehind, match="interlock migrate"):
            await migrate.generation(url)


async def test_given_no_server_then_the_sentence_holds_no_password() -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        await upgrade(f"postgresql://bob:geheim@127.0.0.1:{free_port()}/db")
    assert "cannot be reached" in str(refused.value)
    assert "geheim" not in str(refused.value)


async def test_the_tables_are_those_that_adapters_declare(postgres: PostgresService) -> None:
    """Adapters that speak plain SQL are proved by running it; this one declares its table."""

    def differences(connection: Connection) -> list[object]:
        def ours(item: object, name: str | None, kind: str, *_: object) -> bool:
            return name == REQUESTS.name if kind == "table" else True

        def other_type(_context: object, _in_database: object, _declared: object, *types: Any) -> bool:
            return types[0].python_type is not types[1].python_type

        options = {"include_object": ours, "compare_type": other_type}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, METADATA))

    async with postgres.database() as url:
        engine = open_postgres(url, size=1)
        async with transaction(engine) as connection:
            assert await connection.run_sync(differences) == []
            await connection.execute(text("ALTER TABLE requests ALTER COLUMN pool DROP NOT NULL"))
            assert await connection.run_sync(differences) != []
        await engine.dispose()
