"""The journal in PostgreSQL keeps the contract, beside other processes and through the loss of the server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from interlock_domain.events import CooldownLifted
from interlock_eventlog.adapters.journal import TURN, PostgresJournal
from interlock_eventlog.adapters.journal_rows import APPEND_LOCK
from interlock_eventlog.log import Appended, ReusedId, UnreadableDecision, VersionConflict
from interlock_eventlog.queries import EventFilter
from interlock_runtime.postgres import DatabaseUnreachable, open_postgres, transaction
from interlock_testing.contracts.clock import ManualClock
from interlock_testing.contracts.journal import PATIENCE_S, JournalContract, stands
from interlock_testing.contracts.samples import decision, one
from interlock_testing.waiting import until


@asynccontextmanager
async def journal_at(url: str, clock: Callable[[], int] | None = None) -> AsyncIterator[PostgresJournal]:
    engine = open_postgres(url)
    journal = PostgresJournal(engine, clock=clock)
    try:
        yield journal
    finally:
        await journal.close()
        await engine.dispose()


class TestPostgresJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres):
        self.postgres = postgres

    @asynccontextmanager
    async def opened(self, clock):
        async with self.postgres.database() as url, journal_at(url, clock) as journal:
            yield journal


@pytest.fixture
async def journal(database_url):
    async with journal_at(database_url) as opened:
        yield opened


async def ids(journal: PostgresJournal) -> list[str]:
    return [event.id for event in await journal.read(after=0, limit=10_000)]


async def test_without_a_clock_of_ours_the_time_is_the_databases(journal, database_url):
    await journal.append([one("config", 0, decision("a"), decision("b"))])
    engine = open_postgres(database_url)
    async with transaction(engine) as connection:
        now = await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
    await engine.dispose()
    first, second = await journal.read(after=0, limit=9)
    assert first.recorded_ms == second.recorded_ms
    assert now - 60_000 < first.recorded_ms <= now


async def test_given_two_processes_when_both_write_one_stream_then_each_version_has_one_winner(database_url):
    async with journal_at(database_url) as ours, journal_at(database_url) as theirs:
        rivals = [(ours, "ours"), (theirs, "theirs")]
        answers = await asyncio.gather(
            *(
                journal.append([one("config", n, decision(f"{name}-{n}-{k}"))])
                for n in range(20)
                for k in range(3)
                for journal, name in rivals
            )
        )
        won = [answer for answer in answers if isinstance(answer, Appended)]
        assert sorted(answer.versions["config"] for answer in won) == list(range(1, len(won) + 1))
        assert len(won) >= 1
        assert [e.position for e in await ours.read(after=0, limit=99)] == list(range(1, len(won) + 1))
        assert await ids(ours) == await ids(theirs)


async def test_given_more_appends_than_a_transaction_carries_then_each_has_its_own_answer(journal):
    number = 3 * TURN + 1
    answers = await asyncio.gather(
        *(journal.append([one("config", n, decision(f"d{n}"))]) for n in range(number)),
        journal.append([one("config", 0, decision("late"))]),
    )
    assert [answer.position for answer in answers[:-1]] == list(range(1, number + 1))
    assert answers[-1] == VersionConflict(stream="config", expected=0, actual=number)


async def test_given_one_append_that_cannot_be_stored_then_its_neighbours_are_not_harmed(journal):
    appends = [
        [one("config", None, decision("a"))],
        [one("pool/\0", 0, decision("b"))],
        [one("config", None, decision("c"), decision("c"))],
        [one("config", None, decision("d"))],
    ]
    good, bad, mistaken, also_good = await asyncio.gather(
        *map(journal.append, appends), return_exceptions=True
    )
    assert isinstance(bad, Exception)
    assert isinstance(mistaken, ReusedId)
    assert good == Appended(position=1, versions={"config": 1})
    assert also_good == Appended(position=2, versions={"config": 2})


async def test_given_an_append_whose_caller_left_then_it_stands_and_the_next_is_not_disturbed(journal):
    left = asyncio.create_task(journal.append([one("config", 0, decision("a"))]))
    stays = asyncio.create_task(journal.append([one("config", 1, decision("b"))]))
    await asyncio.sleep(0)
    left.cancel()
    assert await stays == Appended(position=2, versions={"config": 2})
    assert await ids(journal) == ["a", "b"]


async def test_given_a_writer_elsewhere_that_has_not_committed_then_appends_wait_and_reads_do_not(
    journal, database_url
):
    engine = open_postgres(database_url)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with transaction(engine) as other:
        await other.execute(text(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})"))
        await other.execute(
            text(
                "INSERT INTO journal (position, stream, version, id, type, recorded_ms, body) "
                "VALUES (1, 'config', 1, 'theirs', 'ProviderRemoved', 1, '')"
            )
        )
        ours = asyncio.create_task(journal.append([one("config", 0, decision("ours"))]))
        await until(lambda: other.scalar(text(waits)), timeout_s=PATIENCE_S, what="the append to wait")
        assert await journal.head() == 0
        assert not ours.done()
    assert await ours == VersionConflict(stream="config", expected=0, actual=1)
    await engine.dispose()


async def test_find_narrows_decisions_and_pages_in_both_directions(database_url):
    clock = ManualClock(1_000)
    async with journal_at(database_url, clock) as journal:
        await journal.append([one("config", 0, decision("a"))])
        clock.now_ms = 2_000
        lifted = decision("b", CooldownLifted(target="p/m", shape="*"))
        await journal.append([one("target/p/m", 0, lifted)])
        clock.now_ms = 3_000
        await journal.append([one("config", 1, decision("c"))])
        expected = {
            EventFilter(): [1, 2, 3],
            EventFilter(newest=True): [3, 2, 1],
            EventFilter(limit=2, after=1): [2, 3],
            EventFilter(newest=True, after=3, limit=1): [2],
            EventFilter(stream="config"): [1, 3],
            EventFilter(subject="target/p/m"): [2],
            EventFilter(type="ProviderRemoved", from_ms=1_001): [3],
            EventFilter(from_position=2, to_position=2): [2],
            EventFilter(to_ms=2_000): [1, 2],
            EventFilter(type="Nothing"): [],
        }
        for wanted, positions in expected.items():
            assert [found.position for found in await journal.find(wanted)] == positions, wanted


async def test_given_an_unreadable_decision_then_reading_stops_before_it(journal, database_url):
    await journal.append([one("config", 0, *(decision(name) for name in "abc"))])
    engine = open_postgres(database_url)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE journal SET body = 'nothing' WHERE position = 2"))
    await engine.dispose()
    assert await ids(journal) == ["a"]
    with pytest.raises(UnreadableDecision, match="position 2"):
        await journal.read(after=1, limit=9)


async def test_given_another_process_that_notes_a_place_then_a_waiter_here_learns_it(database_url):
    async with journal_at(database_url) as ours, journal_at(database_url) as theirs:
        await ours.append([one("config", 0, decision("a"))])
        waiter = asyncio.create_task(ours.log_position(1, PATIENCE_S))
        assert [entry.id for entry in await theirs.unpublished(9)] == ["a"]
        await theirs.published([stands(1, 10)], generation=3)
        assert await waiter == 10


async def test_given_the_server_killed_when_it_is_back_then_the_same_append_is_answered(local_postgres):
    server = local_postgres.server()
    await server.start()
    try:
        async with server.database() as url, journal_at(url) as journal:
            asked = [one("config", 0, decision("a"))]
            first = await journal.append(asked)
            assert isinstance(first, Appended)

            async def refused() -> DatabaseUnreachable | None:
                try:
                    await journal.append(asked)
                except DatabaseUnreachable as error:
                    return error
                return None

            async def answered() -> bool:
                return await refused() is None

            server.kill()  # its sessions end a moment later
            told = await until(refused, timeout_s=30, what="the journal to miss its server")
            assert str(told).startswith("PostgreSQL at 127.0.0.1")
            await server.start_again()
            await until(answered, timeout_s=30, what="the journal to answer again")
            again = await journal.append(asked)
            assert again == Appended(position=first.position, versions=first.versions, repeated=True)
            waiter = asyncio.create_task(journal.log_position(1, PATIENCE_S))
            await journal.published([stands(1, 10)], generation=1)
            assert await waiter == 10
    finally:
        await server.stop()
        await server.remove()
