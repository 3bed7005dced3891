"""Records that this version cannot read: facts are counted, a decision stops the projector."""

import sqlite3
from collections.abc import AsyncIterator

import pytest

from interlock_domain.catalog.commands import SetCooldown
from interlock_projector.halt import HaltReason
from interlock_testing.clock import FakeClock
from tests.services.facts import Worker
from tests.services.interlock_projector.rig import NAME, declare, projector, published
from tests.services.stores import Stores


@pytest.fixture
async def stores(tmp_path) -> AsyncIterator[Stores]:
    opened = Stores("sqlite", tmp_path, FakeClock().wall_ms)
    yield opened
    await opened.close()


async def insert_unknown(stores: Stores, *, version: int | None) -> None:
    """A record as a later version would write it."""
    assert stores.database is not None
    await stores.log.publish("clock", [Worker().report()])  # takes the next position, and is overwritten
    body = b'{"id":"later","type":"MoonRisen","v":1,"stream":"moon","data":{}}'

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE events SET type = 'MoonRisen', stream = 'moon', version = ?, body = ? "
            "WHERE position = (SELECT max(position) FROM events)",
            (version, body),
        )

    await stores.database.run(write)


async def test_a_fact_that_cannot_be_read_is_counted_and_passed_over(stores):
    await insert_unknown(stores, version=None)
    at = await declare(stores)
    running = projector(stores)
    assert await running.start() is None
    assert running.status().skipped == 1
    assert running.status().position > at


async def test_a_decision_that_cannot_be_read_stops_the_projector_before_it_with_a_sentence(stores):
    at = await declare(stores)
    await insert_unknown(stores, version=1)
    running = projector(stores)
    halt = await running.start()
    assert halt is not None
    assert halt.reason is HaltReason.UNDECODABLE
    assert "upgrade the projector first" in halt.sentence
    assert running.status().halted == halt.sentence
    assert (await stores.views.load(NAME)).position == at


async def test_views_ahead_of_the_log_stop_the_projector(stores):
    await declare(stores)
    running = projector(stores)
    await running.start()
    assert stores.database is not None
    await stores.database.run(lambda connection: connection.execute("UPDATE projection SET position = 999"))
    late = projector(stores)
    halt = await late.start()
    assert halt is not None
    assert halt.reason is HaltReason.LOG_SHORT
    assert late.status().halted == halt.sentence
    await late.stop()


_DELETE = "DELETE FROM events WHERE position = ?"


async def test_a_missing_decision_stops_the_projector_before_the_gap(stores):
    await declare(stores)
    before = projector(stores)
    await before.start()
    await before.stop()
    position = before.status().position
    lost = await declare(stores, SetCooldown(target="atlas/large", duration_ms=60_000))
    await declare(stores, SetCooldown(target="atlas/large", duration_ms=90_000))
    assert stores.database is not None
    await stores.database.run(
        lambda connection: connection.execute("DELETE FROM events WHERE position = ?", (lost,))
    )
    halt = await projector(stores).start()
    assert halt is not None
    assert halt.reason is HaltReason.GAP
    assert "target/atlas/large version 2, found 3" in halt.sentence
    assert (await stores.views.load(NAME)).position == position
    assert (await published(stores.feed)).commit.position == position
