"""Errors of the embedded database that a person can act on, and the mark of the file's layout.

Rule: SQLite's numeric codes decide, never its message texts. Every sentence says what to do next.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LAYOUT: Final = 1
"""Number of the tables' layout, kept in `user_version`; raise it with a migration."""

APPLICATION: Final = 0x494C434B
"""`application_id` of our files: the letters ILCK."""

_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_BROKEN: Final = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_PRIMARY: Final = 0xFF
"""Extended result codes carry the primary code in their low byte."""


class StorageError(Exception):
    """Something about the database file that its owner has to know."""


class NewerDatabase(StorageError):
    """The file was written by a later version of this program."""


class BrokenDatabase(StorageError):
    """The file is no database, another program's, or damaged."""


class StorageFull(StorageError):
    """The disk is full: nothing of the transaction was written."""


class StorageBusy(StorageError):
    """Another connection held the file longer than anybody should."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's own errors into ours; the others (bugs in a statement) pass."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        ours = _ours(getattr(error, "sqlite_errorcode", 0), path)
        if ours is None:
            raise
        raise ours from error


def _ours(code: int, path: Path) -> StorageError | None:
    primary = code & _PRIMARY
    if code in _FULL:
        return StorageFull(f"the disk that holds {path} is full; nothing was written: free some space")
    if primary in _BROKEN:
        return BrokenDatabase(
            f"{path} is damaged or is not a database: move it away, or restore a copy of it and of {path}-wal"
        )
    if primary == sqlite3.SQLITE_BUSY:
        return StorageBusy(
            f"{path} is held by another program: stop it (is a second copy or a backup running?)"
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StorageError(f"{path} cannot be opened: does its folder exist, and may this user read it?")
    return None


def checked_layout(connection: sqlite3.Connection, path: Path, *, claim: bool) -> None:
    """Refuse a file that is not ours to read; mark a new one as ours when `claim`."""
    layout: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if application not in {0, APPLICATION} or (application == 0 and layout != 0):
        raise BrokenDatabase(f"{path} belongs to another program: name a different data folder")
    if layout > LAYOUT:
        raise NewerDatabase(
            f"{path} was written by a newer Interlock (layout {layout}, this one knows {LAYOUT}): "
            "start that version again, or restore a copy from before the upgrade"
        )
    if claim and application == 0:
        connection.execute(f"PRAGMA application_id={APPLICATION}")
        connection.execute(f"PRAGMA user_version={LAYOUT}")
