"""The embedded database: one writing connection on its own thread, one reading beside it.

Rule: every write is one BEGIN IMMEDIATE .. COMMIT on the writing thread, so writers never wait for
each other inside SQLite, and a page of events that is read never delays a write (WAL: readers see
the last commit). `durable` transactions are synced to disk before they return, others at the next
checkpoint or durable commit; after a crash the file is always a prefix of what was committed.

aiosqlite was dropped here: it wakes the loop once per statement; a transaction is one hand-over.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final, Generic, Self, TypeVar

from interlock_runtime.sqlite_errors import checked_layout, translated

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_MS: Final = 5_000
"""How long to wait for another connection of this file (request records, a backup): all of them
write for milliseconds, so five seconds means that one is stuck."""

WAL_LIMIT: Final = 64 * 1024 * 1024
"""A write-ahead log that a burst blew up is cut back to this size at its next reset."""


class _Answer(Generic[T]):
    """Carries one result back to the loop; `then` runs there even when the caller was cancelled."""

    __slots__ = ("_loop", "_then", "future")

    def __init__(self, then: Callable[[T], None] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._then = then
        self.future: asyncio.Future[T] = self._loop.create_future()

    def find(self, connection: sqlite3.Connection, work: Work[T]) -> None:
        """On the thread: do the work and hand over what came out."""
        with contextlib.suppress(RuntimeError):  # the loop was closed while we worked
            try:
                result = work(connection)
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                self._loop.call_soon_threadsafe(self._fail, error)
            else:
                self._loop.call_soon_threadsafe(self._settle, result)

    def _settle(self, result: T) -> None:
        if self._then is not None:
            self._then(result)
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Lane:
    """One connection and the thread that alone uses it."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[Work[None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job(self._connection)
            del job  # a job holds its result; do not keep it while idle
        self._connection.close()

    def submit(self, work: Work[T]) -> Future[T]:
        """For callers that may block: composition at start."""
        done: Future[T] = Future()

        def job(connection: sqlite3.Connection) -> None:
            try:
                done.set_result(work(connection))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                done.set_exception(error)

        self._jobs.put(job)
        return done

    async def call(self, work: Work[T], then: Callable[[T], None] | None) -> T:
        """Run on the thread and wait for the answer; see _Answer."""
        answer = _Answer(then)
        self._jobs.put(lambda connection: answer.find(connection, work))
        return await answer.future

    def stop(self) -> None:
        """Finish the queued jobs, close the connection and end the thread."""
        self._jobs.put(None)
        self._thread.join()


class SqliteDatabase:
    """A database file with a writing and a reading lane; opened by one process for writing."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._synchronous = ""
        with translated(path):
            writing = None if read_only else _connect_writer(path)
            try:
                reading = _connect_reader(path)
            except BaseException:
                if writing is not None:
                    writing.close()
                raise
        self._writer = None if writing is None else _Lane(writing, "interlock-db-write")
        self._reader = _Lane(reading, "interlock-db-read")

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """For another process beside the owner: reads work, every write is refused."""
        return cls(path, read_only=True)

    def declare(self, statements: str, first: Work[T]) -> T:
        """Create the tables of one adapter and return `first(connection)`; blocks, for composition only."""
        if self._writer is None:
            return self._reader.submit(lambda connection: self._guarded(connection, first)).result()

        def work(connection: sqlite3.Connection) -> T:
            with translated(self.path):
                connection.executescript(statements)
            return self._transact(connection, first, durable=True)

        return self._writer.submit(work).result()

    async def run(
        self, work: Work[T], *, durable: bool = False, then: Callable[[T], None] | None = None
    ) -> T:
        """One transaction: `work(connection)` is committed, or rolled back when it raises.

        A caller that is cancelled does not stop the transaction; `then(result)` runs on the loop
        after each commit, whether or not somebody still waits for it.
        """
        if self._writer is None:
            raise PermissionError(f"{self.path} was opened for reading only")
        return await self._writer.call(
            lambda connection: self._transact(connection, work, durable=durable), then
        )

    async def read(self, work: Work[T]) -> T:
        """`work(connection)` on the reading lane, all its statements on one state of the file."""
        return await self._reader.call(lambda connection: self._guarded(connection, work), None)

    async def close(self) -> None:
        """Finish what is queued, fold the write-ahead log into the file and end both threads."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._reader.stop)
        if self._writer is not None:
            await loop.run_in_executor(None, self._writer.stop)

    def _transact(self, connection: sqlite3.Connection, work: Work[T], *, durable: bool) -> T:
        with translated(self.path):
            wanted = "FULL" if durable else "NORMAL"
            if wanted != self._synchronous:  # SQLite ignores the change inside a transaction
                connection.execute(f"PRAGMA synchronous={wanted}")
                self._synchronous = wanted
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled back already
                    connection.execute("ROLLBACK")
                raise
            return result

    def _guarded(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        with translated(self.path):
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")


def _connect_writer(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        checked_layout(connection, path, claim=True)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT}")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        checked_layout(connection, path, claim=False)
    except BaseException:
        connection.close()
        raise
    return connection
