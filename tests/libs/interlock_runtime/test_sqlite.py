"""The embedded database: transactions, refusals with a sentence, two lanes."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable

import pytest

from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.sqlite_errors import (
    LAYOUT,
    BrokenDatabase,
    NewerDatabase,
    StorageBusy,
    StorageError,
    StorageFull,
)

TABLE = "CREATE TABLE IF NOT EXISTS notes (text TEXT)"


def insert(text: str) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: connection.execute("INSERT INTO notes VALUES (?)", (text,)).rowcount


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


@pytest.fixture
async def database(tmp_path):
    opened = SqliteDatabase(tmp_path / "data" / "interlock.db")
    opened.declare(TABLE, lambda _: None)
    yield opened
    await opened.close()


async def test_what_is_written_is_read_back_at_once(database):
    for n in range(20):
        assert await database.run(insert(str(n)), durable=n % 2 == 0) == 1
        assert (await database.read(notes))[-1] == str(n)


async def test_given_an_error_in_the_work_then_nothing_of_it_stays_and_the_next_one_works(database):
    def broken(connection):
        insert("half")(connection)
        raise LookupError("second half")

    with pytest.raises(LookupError, match="second half"):
        await database.run(broken)
    await database.run(insert("whole"))
    assert await database.read(notes) == ["whole"]


async def test_all_statements_of_a_read_see_one_state(database):
    await database.run(insert("first"))
    inside, written = threading.Event(), threading.Event()

    def slowly(connection):
        before = notes(connection)
        inside.set()
        assert written.wait(20)
        return before, notes(connection)

    reading = asyncio.create_task(database.read(slowly))
    await asyncio.to_thread(inside.wait, 20)
    await database.run(insert("second"))  # a long read does not hold up a write
    written.set()
    assert await reading == (["first"], ["first"])
    assert await database.read(notes) == ["first", "second"]


async def test_given_a_caller_that_left_then_the_transaction_and_its_afterwards_still_happen(database):
    entered, may_go_on = threading.Event(), threading.Event()
    told = asyncio.get_running_loop().create_future()

    def held(connection):
        entered.set()
        assert may_go_on.wait(20)
        return insert("kept")(connection)

    caller = asyncio.create_task(database.run(held, then=told.set_result))
    await asyncio.to_thread(entered.wait, 20)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    may_go_on.set()
    assert await asyncio.wait_for(told, 20) == 1
    assert await database.read(notes) == ["kept"]


async def test_a_durable_transaction_is_synced_and_others_are_not(database):
    def level(connection):
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    levels = [await database.run(level, durable=durable) for durable in (True, True, False, True, False)]
    assert levels == [2, 2, 1, 2, 1]


async def test_given_a_full_disk_then_it_is_named_nothing_stays_and_room_makes_it_work_again(database):
    def limit(pages: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone()

    await database.run(insert("before"))
    pages = await database.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await database.run(limit(pages))
    with pytest.raises(StorageFull, match="free some space"):
        await database.run(insert("x" * 100_000))
    assert await database.read(notes) == ["before"]
    await database.run(limit(pages + 1000))
    assert await database.run(insert("x" * 100_000)) == 1


async def test_a_file_of_a_newer_version_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "interlock.db"
    await SqliteDatabase(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version={LAYOUT + 1}")
    raw.close()
    for read_only in (False, True):
        with pytest.raises(NewerDatabase, match="start that version again, or restore a copy"):
            SqliteDatabase(path, read_only=read_only)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "interlock.db"
    path.write_bytes(b"dear diary\n" * 1000)
    with pytest.raises(BrokenDatabase, match="move it away"):
        SqliteDatabase(path)
    assert path.read_bytes() == b"dear diary\n" * 1000


@pytest.mark.parametrize("mark", ["application_id=1234", "user_version=7"])
async def test_a_database_of_another_program_is_refused(tmp_path, mark):
    path = tmp_path / "interlock.db"
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA {mark}")
    raw.close()
    with pytest.raises(BrokenDatabase, match="another program"):
        SqliteDatabase(path)


async def test_reading_only_needs_a_file_and_cannot_write(tmp_path, database):
    with pytest.raises(StorageError, match="cannot be opened"):
        SqliteDatabase.open_read_only(tmp_path / "nothing.db")
    await database.run(insert("seen"))
    beside = SqliteDatabase.open_read_only(database.path)
    assert beside.declare(TABLE, notes) == ["seen"]
    assert await beside.read(notes) == ["seen"]
    with pytest.raises(PermissionError, match="reading only"):
        await beside.run(insert("no"))
    await beside.close()


async def test_given_another_program_that_holds_the_file_then_the_error_says_so(database):
    raw = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    raw.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageBusy, match="held by another program"):
        await asyncio.to_thread(lambda: database.declare("PRAGMA busy_timeout=1", lambda _: None))
    raw.execute("ROLLBACK")
    raw.close()
    assert await database.run(insert("free again")) == 1


async def test_an_error_of_a_statement_stays_what_it_is(database):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.run(lambda connection: connection.execute("INSERT INTO nowhere VALUES (1)"))


async def test_close_finishes_what_was_handed_over(tmp_path):
    database = SqliteDatabase(tmp_path / "interlock.db")
    database.declare(TABLE, lambda _: None)
    writes = [asyncio.create_task(database.run(insert(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*writes) == [1] * 50
    again = SqliteDatabase(tmp_path / "interlock.db")
    assert len(await again.read(notes)) == 50
    await again.close()
