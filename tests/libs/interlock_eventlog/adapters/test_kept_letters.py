"""The keeping port in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from interlock_eventlog.adapters.kept_letters import PostgresLetterKeeper
from interlock_eventlog.letter_keeping import LetterKeeper
from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.letter_keeping import FAMILY, LetterKeepingContract


class TestPostgres(LetterKeepingContract):
    @pytest.fixture(autouse=True)
    def _server(self, database_url: str) -> None:
        self.url = database_url

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LetterKeeper]:
        engine = open_postgres(self.url)
        try:
            yield PostgresLetterKeeper(engine, FAMILY)
        finally:
            await engine.dispose()
