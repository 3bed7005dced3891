"""Dead letters in PostgreSQL keep the contract, written by the projector's own commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from interlock_eventlog.adapters.journal_letters import PostgresLetters
from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_eventlog.letters import KeptLetter, Letters
from interlock_runtime.postgres import open_postgres
from interlock_testing.contracts.letters import LettersContract, letter
from interlock_views.adapters.postgres import PostgresViews
from interlock_views.views import ViewCommit

pytestmark = pytest.mark.cluster


class TestPostgresLetters(LettersContract):
    @pytest.fixture(autouse=True)
    def _service(self, postgres):
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresLetters]:
        async with self.postgres.database() as url:
            engine = open_postgres(url)
            try:
                self.views = PostgresViews(engine)
                self.epoch = await self.views.claim("routing-1")
                self.position = 0
                yield PostgresLetters(engine)
            finally:
                await engine.dispose()

    async def keep(self, letters: Letters, one: KeptLetter) -> int:
        passed_over = DeadLetter(
            topic=one.topic,
            partition=one.partition,
            offset=one.offset,
            recorded_ms=one.recorded_ms,
            reason=DeadLetterReason(one.reason),
            detail=one.detail,
            key=one.key,
            headers=one.headers,
            value=one.value,
        )
        step = ViewCommit(
            projection="routing-1",
            epoch=self.epoch,
            expected_position=self.position,
            position=self.position + 1,
            rows={},
            dead_letters=(passed_over,),
        )
        assert await self.views.commit(step)
        self.position += 1
        return (await letters.page())[-1].id

    async def test_a_letter_told_twice_is_kept_once(self) -> None:
        async with self.opened() as letters:
            assert await self.keep(cast("Letters", letters), letter(5)) == await self.keep(
                cast("Letters", letters), letter(5)
            )
