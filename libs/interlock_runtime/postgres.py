"""PostgreSQL: the engine that every adapter shares, and its failures as sentences.

Rule: an address is read by the driver itself, so every option that psql knows (`sslmode`, `sslrootcert`,
`host=/folder`) means the same here; a sentence names host, port and database, never user or password.
Every wait has an end: connecting, a statement, a lock, a transaction that its owner forgot.

SQLAlchemy's own reading of the address was dropped: it hands `sslmode` to the driver as an unknown word.
Checking the schema with Alembic was dropped: a service would load the migrations to learn one number.
"""

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]
from asyncpg.exceptions import ClientConfigurationError  # type: ignore[import-untyped]
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from interlock_runtime.sqlite_errors import StorageFull

SCHEMA: Final = "0001"
"""The revision of `migrations/` that this program needs. A later one is fine: migrations only add until no
running program reads the old shape."""

CONNECT_S: Final = 5.0
"""To open a connection; a server that needs longer is overloaded, and no caller waits longer."""

STATEMENT_S: Final = 10
"""For one statement, waiting for a lock included: ours take milliseconds."""

FORGOTTEN_S: Final = 10
"""An open transaction without a statement (a frozen process) is ended by the server, and with it the lock
that every other writer waits for."""

POOL_WAIT_S: Final = 5.0
"""To get one of our own connections; longer means that all of them are stuck."""

_SETTINGS: Final = {
    "application_name": "interlock",
    "statement_timeout": f"{STATEMENT_S}s",
    "idle_in_transaction_session_timeout": f"{FORGOTTEN_S}s",
    # The journal reads its end after it has got its lock; at a stricter level it would read an older end.
    "default_transaction_isolation": "read committed",
    # A vanished client or server is noticed after about 25 s, not after two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_HINTS: Final = {
    "28": "refuses the user or the password: correct INTERLOCK_DATABASE_URL",
    "28000": "refuses the user or the password, or how it comes: correct INTERLOCK_DATABASE_URL or sslmode",
    "3D000": "has no database of that name: create it, or correct INTERLOCK_DATABASE_URL",
    "42501": "does not let this user do that: grant it the tables of Interlock",
    "53100": "has a full disk; nothing was written: free some space",
    "53": "has no room for another connection or more work: raise its limits or stop a client",
    "57P05": "ended a session that was silent for too long: this process was frozen",
    "57014": f"did not finish a statement in {STATEMENT_S} s: look for a lock that is held, or for overload",
    "57": "is stopping or starting: it is asked again as soon as it is back",
    "25006": "is read-only (a standby?): point INTERLOCK_DATABASE_URL at the primary",
    "08": "closed the connection: it is asked again as soon as it is back",
    "25P03": f"ended a transaction that stood still for {FORGOTTEN_S} s: this process was frozen",
}
"""What to do, by the longest matching start of the SQLSTATE."""


_LOST: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver says of a connection that has ended; the second one of a session whose end by the server it
has read and not yet understood, as in a process that was frozen."""

_DRIVERS: Final = (asyncpg.PostgresError, *_LOST)


class PostgresError(Exception):
    """Something about the database that its operator has to know: one sentence."""


class DatabaseUnreachable(PostgresError):
    """PostgreSQL cannot be reached or cannot work now; the same call may succeed later."""


class DatabaseFull(StorageFull, DatabaseUnreachable):
    """Its disk is full; nothing was written. The same call succeeds once there is room."""


class SchemaBehind(PostgresError):
    """The tables are older than this program."""


def open_postgres(
    url: str, *, size: int = 5, connect_s: float = CONNECT_S, wait_s: float = POOL_WAIT_S
) -> AsyncEngine:
    """An engine of at most `size` connections; connects when first used, the caller disposes it."""
    try:
        urlsplit(url)  # the driver's own reading of it is as strict
        named = make_url(url).set(drivername="postgresql+asyncpg")
    except (ArgumentError, ValueError):
        raise DatabaseUnreachable(
            "INTERLOCK_DATABASE_URL cannot be read: write it as postgresql://user:password@host:5432/database"
        ) from None  # the cause holds the address, password included
    engine = create_async_engine(
        named,
        async_creator=lambda: _connect(named, connect_s),
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_s,
    )
    _look_before_use(engine)
    return engine


def _look_before_use(engine: AsyncEngine) -> None:
    """After a restart of the server no command pays with a refusal.

    One round trip. SQLAlchemy's own question is three of them (BEGIN, a statement, ROLLBACK), more than half
    of what a commit of one statement took; not asking was dropped, since the driver learns of a session that
    the server ended only a moment later.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: Any, proxy: Any) -> None:
        try:
            connection.run_async(lambda driver: driver.execute("SELECT 1"))
        except (*_DRIVERS, OSError) as error:
            raise DisconnectionError from error


async def _connect(url: URL, connect_s: float = CONNECT_S) -> Any:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(
        address, timeout=connect_s, command_timeout=STATEMENT_S + 5, server_settings=_SETTINGS
    )


def place(url: URL) -> str:
    """Host, port and database: what a sentence may say about an address."""
    host = url.host or url.query.get("host") or "this machine"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL at {host}{port} (database {url.database or 'of the user'})"


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction, committed on leaving; raises PostgresError."""
    with translated(engine):
        async with engine.begin() as connection:
            yield connection


@asynccontextmanager
async def own_connection(engine: AsyncEngine) -> AsyncIterator[Any]:
    """A driver connection outside the pool, for what belongs to a session: LISTEN, session locks.

    Dropped on leaving, without a word to a server that may be gone.
    """
    with translated(engine):
        driver = await _connect(engine.url)
        try:
            yield driver
        finally:
            driver.terminate()


@contextmanager
def translated(engine: AsyncEngine) -> Iterator[None]:
    """Turn what the driver says into ours; a mistake in a statement passes as it is."""
    try:
        yield
    except (DBAPIError, *_DRIVERS, OSError, PoolTimeout) as error:
        ours = _ours(error, engine.url)
        if ours is None:
            raise
        raise ours from error


async def check_schema(engine: AsyncEngine) -> None:
    """Raise SchemaBehind when the tables are older than this program needs."""
    async with transaction(engine) as connection:
        known = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
        found = None
        if known:
            found = await connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
    if found is None:
        raise SchemaBehind(f"{place(engine.url)} has no tables of Interlock yet: run `interlock migrate`")
    if found < SCHEMA:
        raise SchemaBehind(
            f"{place(engine.url)} has tables of revision {found}, this program needs {SCHEMA}: "
            "run `interlock migrate`"
        )


def _ours(error: BaseException, url: URL) -> PostgresError | None:
    where = place(url)
    state = _state(error)
    if state == "42P01":
        return SchemaBehind(f"{where} lacks a table of Interlock: run `interlock migrate`")
    if state == "53100":
        return DatabaseFull(f"{where} {_HINTS[state]}")
    hint = _HINTS.get(state) or _HINTS.get(state[:2])
    if hint is not None:
        return DatabaseUnreachable(f"{where} {hint}")
    papers = _papers(error, url)
    if papers is not None:
        return DatabaseUnreachable(papers)
    if isinstance(error, TimeoutError | PoolTimeout):
        return DatabaseUnreachable(f"{where} does not answer in time: is it overloaded or cut off?")
    if isinstance(error, OSError):
        return DatabaseUnreachable(
            f"{where} cannot be reached ({_reason(error)}): start it, or correct INTERLOCK_DATABASE_URL"
        )
    if isinstance(error, _LOST) or getattr(error, "connection_invalidated", False):
        return DatabaseUnreachable(f"{where} {_HINTS['08']}")
    return None


def _papers(error: BaseException, url: URL) -> str | None:
    """What is wrong with the address itself, or with the certificates on either side."""
    inner = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(inner, ClientConfigurationError):
        return f"INTERLOCK_DATABASE_URL cannot be used: {inner}"
    unread = _unread_authority(error, url)
    if unread is not None:
        return f"the authority {unread} cannot be read: correct sslrootcert in INTERLOCK_DATABASE_URL"
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = (
            "name the authority that signed it by sslrootcert in INTERLOCK_DATABASE_URL, and the right host"
        )
        return f"{place(url)} has a certificate that is not trusted ({error.verify_message}): {remedy}"
    return None


def _unread_authority(error: BaseException, url: URL) -> str | None:
    named = url.query.get("sslrootcert")
    if not isinstance(named, str) or not isinstance(error, OSError):
        return None
    try:
        ssl.create_default_context(cafile=named)
    except OSError:  # ssl.SSLError is one: a file that holds no certificate
        return named
    return None


def _state(error: BaseException) -> str:
    """The SQLSTATE, of the driver or of what SQLAlchemy wraps; empty when there is none."""
    inner = error.orig if isinstance(error, DBAPIError) else error
    return getattr(inner, "sqlstate", None) or ""


def _reason(error: OSError) -> str:
    """In the system's words: asyncio's own repeat the address, and the driver tells TLS in prose only."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason}"
    if error.errno is None:
        return "it offers no TLS, see sslmode" if "SSL" in str(error) else type(error).__name__
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)  # names: below zero
