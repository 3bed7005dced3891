import asyncpg  # type: ignore[import-untyped]
import pytest

from interlock_testing.services.databases import PostgresService


async def test_a_database_goes_even_when_somebody_is_connected(postgres: PostgresService) -> None:
    async with postgres.database() as url:
        forgotten = await asyncpg.connect(url)
    try:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await forgotten.fetchval("SELECT 1")
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await asyncpg.connect(url)
    finally:
        forgotten.terminate()


async def test_an_empty_database_has_no_tables(postgres: PostgresService) -> None:
    async with postgres.empty_database() as url:
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("SELECT to_regclass('journal')") is None
        finally:
            await connection.close()


async def test_two_databases_at_once_do_not_see_each_other(postgres: PostgresService) -> None:
    async with postgres.database() as one, postgres.database() as other:
        first, second = await asyncpg.connect(one), await asyncpg.connect(other)
        try:
            await first.execute("INSERT INTO projection (name) VALUES ('mine')")
            assert await second.fetchval("SELECT count(*) FROM projection") == 0
        finally:
            await first.close()
            await second.close()
