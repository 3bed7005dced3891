"""Failures of PostgreSQL are sentences that name the place and never the password."""

import asyncio
import re
import threading
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from interlock_runtime import migrate
from interlock_runtime.postgres import (
    SCHEMA,
    DatabaseFull,
    DatabaseUnreachable,
    PostgresError,
    SchemaBehind,
    check_schema,
    open_postgres,
    own_connection,
    transaction,
)
from interlock_runtime.sqlite_errors import StorageFull
from interlock_testing.waiting import free_port

SECRET = "not-to-be-shown"


async def sentence(url: str) -> str:
    """What `check_schema` complains about."""
    engine = open_postgres(url)
    try:
        with pytest.raises(PostgresError) as caught:
            await check_schema(engine)
    finally:
        await engine.dispose()
    told = str(caught.value)
    assert SECRET not in told
    assert "\n" not in told
    return told


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return f"postgresql://{user}:{SECRET}@{parts.hostname}:{parts.port}{parts.path}"


async def test_given_nobody_listens_then_the_sentence_names_host_port_and_database():
    port = free_port()
    told = await sentence(f"postgresql://app:{SECRET}@127.0.0.1:{port}/routing")
    assert told == (
        f"PostgreSQL at 127.0.0.1:{port} (database routing) cannot be reached (Connection refused): "
        "start it, or correct INTERLOCK_DATABASE_URL"
    )


@pytest.mark.parametrize("url", [f"postgresql://app:{SECRET}@host:port/routing", f"nothing {SECRET}"])
def test_given_an_address_that_cannot_be_read_then_the_sentence_shows_how_to_write_it(url):
    with pytest.raises(DatabaseUnreachable, match="postgresql://user:password@host:5432/database") as caught:
        open_postgres(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_given_no_such_database_then_it_says_to_create_it(postgres):
    assert "create it" in await sentence(postgres.address("nowhere"))


async def test_given_no_such_user_then_it_says_to_correct_the_address(postgres):
    assert "refuses the user or the password" in await sentence(as_user(postgres.url, "nobody"))


async def test_given_an_empty_database_then_it_says_to_migrate(postgres):
    async with postgres.empty_database() as url:
        assert "run `interlock migrate`" in await sentence(url)
        engine = open_postgres(url)
        with pytest.raises(SchemaBehind, match="run `interlock migrate`"):
            async with transaction(engine) as connection:
                await connection.execute(text("SELECT * FROM journal"))
        await engine.dispose()


async def test_older_tables_are_refused_and_newer_ones_are_not(database_url):
    engine = open_postgres(database_url)
    await check_schema(engine)
    for revision, refused in (("0000", True), ("9999", False)):
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": revision})
        if refused:
            with pytest.raises(SchemaBehind, match=rf"revision {revision}, this program needs {SCHEMA}"):
                await check_schema(engine)
        else:
            await check_schema(engine)
    await engine.dispose()


def test_the_revision_that_services_need_is_the_newest_migration():
    assert migrate.head() == SCHEMA


async def test_the_address_may_name_the_driver_and_options_of_psql(database_url):
    url = database_url.replace("postgresql://", "postgresql+asyncpg://") + "?sslmode=disable"
    engine = open_postgres(url)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SHOW application_name")) == "interlock"
        assert await connection.scalar(text("SHOW statement_timeout")) == "10s"
        assert await connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    await engine.dispose()


async def test_given_tls_demanded_of_a_server_without_then_it_says_that_it_cannot_connect(database_url):
    told = await sentence(f"{database_url}?sslmode=require")
    assert re.match(r"PostgreSQL at 127\.0\.0\.1:\d+ \(database .*\) ", told)
    assert "sslmode" in told


async def test_given_a_full_disk_then_it_is_the_same_failure_as_in_one_process_and_may_pass(database_url):
    engine = open_postgres(database_url)
    with pytest.raises(DatabaseFull, match=r"has a full disk; nothing was written: free some space") as full:
        async with transaction(engine) as connection:
            await connection.execute(
                text("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE='53100'; END $$")
            )
    await engine.dispose()
    assert isinstance(full.value, StorageFull)
    assert isinstance(full.value, DatabaseUnreachable)


async def test_a_mistake_in_a_statement_is_a_bug_and_passes(database_url):
    engine = open_postgres(database_url)
    with pytest.raises(ProgrammingError):
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT nothing FROM journal"))
    await engine.dispose()


async def test_a_transaction_that_fails_leaves_nothing(database_url):
    engine = open_postgres(database_url)

    async def fails() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE cluster SET generation = 7"))
            raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        await fails()
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT generation FROM cluster")) == 1
    await engine.dispose()


async def test_given_sessions_that_the_server_ended_then_the_pool_brings_new_ones(database_url):
    engine = open_postgres(database_url, size=1)
    async with transaction(engine) as connection:
        first = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with own_connection(engine) as other:
        assert await other.fetchval("SELECT pg_terminate_backend($1, 10000)", first)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != first
    await engine.dispose()


@pytest.mark.parametrize("turns", range(6))
async def test_given_a_frozen_process_whose_session_was_ended_then_its_next_word_is_a_sentence(
    database_url, turns
):
    async def end(pid: int) -> None:
        async with own_connection(open_postgres(database_url)) as other:
            assert await other.fetchval("SELECT pg_terminate_backend($1, 10000)", pid)

    async def use_after_the_end() -> None:
        async with own_connection(open_postgres(database_url)) as session:
            thread = threading.Thread(target=asyncio.run, args=(end(session.get_server_pid()),))
            thread.start()
            thread.join()  # the loop stands still meanwhile, as that of a frozen process does
            for _ in range(turns):  # the driver learns of it piece by piece, a turn of the loop each
                await asyncio.sleep(0)
            await session.execute("SELECT 1")

    with pytest.raises(DatabaseUnreachable):
        await use_after_the_end()


async def test_given_every_connection_in_use_then_the_wait_ends_with_a_sentence(database_url):
    engine = open_postgres(database_url, size=1, wait_s=0.05)
    async with transaction(engine):
        with pytest.raises(DatabaseUnreachable, match="does not answer in time"):
            async with transaction(engine):
                raise AssertionError("a second connection was given")
    await engine.dispose()


async def test_given_a_frozen_server_then_connecting_ends_with_a_sentence(local_postgres):
    server = local_postgres.server()
    await server.start()
    try:
        engine = open_postgres(server.url, connect_s=0.5)
        server.pause()
        async with asyncio.timeout(30):
            with pytest.raises(DatabaseUnreachable, match="does not answer in time"):
                await check_schema(engine)
        server.go_on()
        await engine.dispose()
    finally:
        await server.stop()
        await server.remove()
