from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from interlock_testing.services.binaries import copy_programs
from interlock_testing.services.kafka import NotStarted
from interlock_testing.services.postgres import PostgresServer
from interlock_testing.services.tiers import LocalPostgres
from interlock_testing.waiting import until

PATIENCE_S = 20.0


@asynccontextmanager
async def running(server: PostgresServer) -> AsyncIterator[PostgresServer]:
    await server.start()
    try:
        yield server
    finally:
        await server.remove()


async def scalar(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=PATIENCE_S)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_given_a_kill_when_started_again_then_what_was_committed_is_there_at_the_same_address(
    local_postgres: LocalPostgres,
) -> None:
    async with running(local_postgres.server()) as server, server.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO projection (name) VALUES ('kept')")
        server.kill()
        await until(connection.is_closed, timeout_s=PATIENCE_S, what="the connection to break")
        with pytest.raises(OSError, match=r"refused|Connect"):
            await asyncpg.connect(url)
        await server.start_again()
        assert await scalar(url, "SELECT name FROM projection") == "kept"


async def test_given_a_stop_when_started_again_then_it_is_the_same(local_postgres: LocalPostgres) -> None:
    async with running(local_postgres.server()) as server:
        await scalar(server.url, "CREATE TABLE kept ()")
        await server.stop()
        await server.start_again()
        assert await scalar(server.url, "SELECT to_regclass('kept')::text") == "kept"


async def test_a_paused_server_answers_no_newcomer_until_it_goes_on(local_postgres: LocalPostgres) -> None:
    async with running(local_postgres.server()) as server:
        server.pause()
        with pytest.raises(TimeoutError):
            await asyncpg.connect(server.url, timeout=0.3)
        server.go_on()
        assert await scalar(server.url, "SELECT 1") == 1


async def test_programs_that_others_cannot_reach_are_no_hindrance(
    local_postgres: LocalPostgres, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with running(PostgresServer(copy_programs(local_postgres.binaries, closed))) as server:
        assert await scalar(server.url, "SELECT 1") == 1


async def test_what_does_not_start_says_why(local_postgres: LocalPostgres) -> None:
    server = local_postgres.server()
    await server.start()
    try:
        await server.stop()
        (server.data / "postgresql.conf").write_text("no_such_setting = on\n")
        with pytest.raises(NotStarted, match="no_such_setting"):
            await server.start_again()
    finally:
        await server.remove()
    assert not server.data.exists()


def test_one_that_was_never_started_has_no_databases(local_postgres: LocalPostgres) -> None:
    with pytest.raises(RuntimeError, match="was not started"):
        assert local_postgres.server().url
