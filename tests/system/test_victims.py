"""What the kill matrix strikes stands still as a whole: half a server that stops is another drill."""

import asyncpg  # type: ignore[import-untyped]
import pytest

from interlock_testing.services.tiers import LocalPostgres
from interlock_testing.waiting import until
from tests.drills.rig.victims import PostgresVictim, children

PATIENCE_S = 30.0


async def test_a_stopped_postgresql_answers_nobody_and_goes_on_where_it_stood(local_postgres: LocalPostgres):
    server = local_postgres.server()
    await server.start()
    try:
        connection = await asyncpg.connect(server.url, timeout=PATIENCE_S)
        assert children(server.pid)
        victim = PostgresVictim(server)
        victim.pause()
        try:
            asked = connection.fetchval("SELECT 7", timeout=0.5)
            with pytest.raises(TimeoutError):
                await asked
        finally:
            await victim.go_on()

        async def answers() -> bool:
            fresh = await asyncpg.connect(server.url, timeout=PATIENCE_S)
            try:
                return bool(await fresh.fetchval("SELECT 7", timeout=PATIENCE_S) == 7)
            finally:
                await fresh.close()

        assert await until(answers, timeout_s=PATIENCE_S, what="the server to answer again")
        connection.terminate()
    finally:
        await server.remove()
