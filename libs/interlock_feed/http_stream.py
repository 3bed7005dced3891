"""The state feed as a stream of server-sent events: rows, then the commit that closes them, and back.

Rule: a row is an event `row` {key, row}, its payload as text, so that any client can prove the digest over
the very bytes; a commit is an event `_commit` with the version as its id and `whole` true when the rows
before it are the complete table. A comment is a sign of life. Reading never trusts: what is no such event is
an error with a sentence. Dropped: payloads as nested JSON, whose bytes most clients lose; one event a commit,
which holds the whole table in one line.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from interlock_domain.rows import CLUSTER_KEY, CommitRow, version_text
from interlock_feed.feed import FeedUpdate

MEDIA_TYPE: Final = "text/event-stream"
ALIVE: Final = b": alive\n\n"
LARGEST_EVENT: Final = 64 * 1024 * 1024
"""Of one event, far above any catalog: a bound for what a broken stream can cost."""
PIECE: Final = 64 * 1024
"""Written at once: a table of ten thousand rows is some dozens of writes, not ten thousand."""


class RowEvent(Struct, frozen=True, kw_only=True):
    """One row; None removes the key."""

    key: str
    row: str | None = None


class CommitEvent(CommitRow, frozen=True, kw_only=True, omit_defaults=True):
    """A commit, and whether the rows before it are the complete table."""

    whole: bool = False

    def commit(self) -> CommitRow:
        """The commit itself."""
        return CommitRow(**{name: getattr(self, name) for name in CommitRow.__struct_fields__})


class BadStream(Exception):
    """What came is no state feed."""


_rows: Final = msgspec.json.Decoder(RowEvent)
_commits: Final = msgspec.json.Decoder(CommitEvent)


def encoded(update: FeedUpdate, *, cluster: bool) -> Iterator[bytes]:
    """The events of an update, in pieces; the cluster's key is among them for those who may have it."""
    piece = bytearray()
    for key, row in update.rows.items():
        if key == CLUSTER_KEY and not cluster:
            continue
        data = msgspec.json.encode(RowEvent(key=key, row=None if row is None else row.decode()))
        piece += b"event: row\ndata: " + data + b"\n\n"
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    commit = update.commit
    told = CommitEvent(**msgspec.structs.asdict(commit), whole=update.whole)
    version = version_text(commit.generation, commit.position).encode()
    piece += b"id: " + version + b"\nevent: _commit\ndata: " + msgspec.json.encode(told) + b"\n\n"
    yield bytes(piece)


class StreamReader:
    """Puts events together from whatever pieces the network gives."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._rows: dict[str, bytes | None] = {}

    def feed(self, piece: bytes) -> Iterator[FeedUpdate]:
        """The updates that this piece completes. Raises BadStream."""
        looked = max(0, len(self._bytes) - 1)
        self._bytes += piece
        while (end := self._bytes.find(b"\n\n", looked)) >= 0:
            update = self._event(bytes(self._bytes[:end]))
            del self._bytes[: end + 2]
            looked = 0
            if update is not None:
                yield update
        if len(self._bytes) > LARGEST_EVENT:
            raise BadStream("it sends an event that does not end")

    def _event(self, event: bytes) -> FeedUpdate | None:
        fields = dict(line.partition(b": ")[::2] for line in event.split(b"\n") if not line.startswith(b":"))
        name, data = fields.get(b"event"), fields.get(b"data", b"")
        try:
            if name == b"row":
                row = _rows.decode(data)
                self._rows[row.key] = None if row.row is None else row.row.encode()
            elif name == b"_commit":
                told = _commits.decode(data)
                rows, self._rows = self._rows, {}
                return FeedUpdate(commit=told.commit(), rows=rows, whole=told.whole)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadStream(f"it sends an event that cannot be read ({error})") from error
        return None  # an event of a later version, or a sign of life
