"""Notices wake who waits, and losing them costs time only."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from interlock_runtime.notices import LOOK_S, Notices
from interlock_runtime.postgres import open_postgres, own_connection, transaction
from interlock_testing.waiting import until

PATIENCE_S = 30.0


@pytest.fixture
async def engine(database_url):
    opened = open_postgres(database_url)
    yield opened
    await opened.dispose()


@pytest.fixture
async def notices(engine):
    listening = Notices(engine, ("one", "two"))
    yield listening
    await listening.close()


async def notify(engine: AsyncEngine, channel: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})


async def heard(notices: Notices, channel: str) -> None:
    """Until the listener is there: its first ring stands for what it missed."""
    await notices.beyond(channel, notices.count(channel), 0.0)
    await until(lambda: notices.count(channel) > 0, timeout_s=PATIENCE_S, what="LISTEN")


async def test_given_a_count_taken_before_when_a_notice_came_meanwhile_then_it_is_not_missed(notices, engine):
    await heard(notices, "one")
    before, other = notices.count("one"), notices.count("two")
    await notify(engine, "one")
    await until(lambda: notices.count("one") > before, timeout_s=PATIENCE_S, what="the notice")
    assert await notices.beyond("one", before, 0.0)
    assert notices.count("two") == other


async def test_given_a_waiter_when_a_notice_comes_then_it_wakes(notices, engine):
    await heard(notices, "one")
    before = notices.count("one")

    async def waits() -> None:
        while not await notices.beyond("one", before, LOOK_S):
            pass  # the notice is on its way for longer than silence is trusted

    waiter = asyncio.create_task(waits())
    await asyncio.sleep(0)
    await notify(engine, "one")
    await until(lambda: notices.count("one") > before, timeout_s=PATIENCE_S, what="the notice")
    await asyncio.sleep(0)  # one turn of the loop: who was woken has run, who only looks now and then has not
    assert waiter.done()
    await waiter


async def test_given_silence_then_a_long_wait_asks_for_another_look_and_a_short_one_ends(notices):
    await heard(notices, "one")
    count = notices.count("one")
    assert not await notices.beyond("one", count, 0.01)
    assert await notices.beyond("one", count, PATIENCE_S)
    assert notices.count("one") == count


async def test_given_a_listener_whose_session_the_server_ended_then_it_listens_again(notices, engine):
    await heard(notices, "one")
    before = notices.count("one")
    async with own_connection(engine) as other:
        ended = await other.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query IN ('LISTEN \"two\"', 'SELECT 1', 'LISTEN two')"
        )
    assert len(ended) == 1
    await until(lambda: notices.count("one") > before, timeout_s=PATIENCE_S, what="LISTEN again")
    again = notices.count("one")
    await notify(engine, "one")
    await until(lambda: notices.count("one") > again, timeout_s=PATIENCE_S, what="the notice")


async def test_given_no_database_then_waiting_asks_for_looks_and_closing_ends(engine):
    nowhere = Notices(open_postgres("postgresql://nobody@127.0.0.1:1/none"), ("one",))
    assert await nowhere.beyond("one", 0, PATIENCE_S)
    assert not await nowhere.beyond("one", 0, 0.01)
    await nowhere.close()
