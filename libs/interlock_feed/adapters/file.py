"""The last known good table on disk: what a gateway starts from when everything else is down.

Rule: a reader finds the whole old file or the whole new one (written beside, synced, renamed), and
whatever else it finds is no snapshot and never an error: a gateway without one simply waits for the
feed. The checksum is the file's own; the commit's digest says whether the rows are the right ones.
MessagePack, because rows are bytes and base64 would grow each by a third. Both calls block on the
disk: the gateway calls them in a thread, at most as often as it chooses.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from interlock_domain.rows import CommitRow
from interlock_feed.feed import LastKnownGood

MAGIC: Final = b"interlock-snapshot-1\n"
"""Names the layout; a file with another first line is of another program or version."""

DIGEST_SIZE: Final = 32


class FileProblem(StrEnum):
    """Why there is no last known good table."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    OTHER_LAYOUT = "other_layout"
    TORN = "torn"
    """The checksum does not fit: cut short or damaged."""


class SnapshotFile:
    """SnapshotStore over one file; `problem` says why the last `load` gave nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: FileProblem | None = None
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(LastKnownGood)

    def save(self, commit: CommitRow, rows: Mapping[str, bytes], wall_ms: int) -> None:
        """Replace the file; raises OSError when the disk refuses, and then the old one stays."""
        table = LastKnownGood(commit=commit, rows=dict(rows), written_wall_ms=wall_ms)
        body = self._encoder.encode(table)
        beside = self.path.with_name(f"{self.path.name}.new")
        try:
            # 0600: the table holds the cluster key
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(MAGIC + hashlib.sha256(body).digest() + body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        _sync_folder(self.path.parent)

    def load(self) -> LastKnownGood | None:
        """The table, or None with `problem` set."""
        found = self._read()
        self.problem = found if isinstance(found, FileProblem) else None
        return None if isinstance(found, FileProblem) else found

    def _read(self) -> LastKnownGood | FileProblem:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return FileProblem.MISSING
        except OSError:
            return FileProblem.UNREADABLE
        if not content.startswith(MAGIC):
            return FileProblem.OTHER_LAYOUT if len(content) >= len(MAGIC) else FileProblem.TORN
        digest, body = content[len(MAGIC) :][:DIGEST_SIZE], content[len(MAGIC) + DIGEST_SIZE :]
        if hashlib.sha256(body).digest() != digest:
            return FileProblem.TORN
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError:
            return FileProblem.OTHER_LAYOUT


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
