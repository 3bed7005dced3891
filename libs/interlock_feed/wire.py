"""The state feed on a topic: rows and commits as records, and back, total over any bytes.

Rule: key = row key, value = the row's payload, headers generation, epoch and position in decimal digits; the
commit is a record of its own under `_commit` and carries the same numbers in its body. A large row is
compressed on the wire only, because digests are over payloads as stored. Decoding never raises: a record
that is none of ours is passed over with a reason. Dropped: compression by the client library, which acts on
batches, cannot be refused in time, and needs the same library at the other end.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from interlock_domain.rows import COMMIT_KEY, CommitRow
from interlock_feed.staging import Stamp, StampedRow, stamp_of

Headers = tuple[tuple[str, bytes], ...]

COMPRESS_FROM: Final = 8 * 1024
"""Below, a row fits into one packet with its neighbours and a compressor gains little."""
LARGEST_VALUE: Final = 900 * 1024
"""A broker takes records of 1 MiB unless it was told otherwise; the rest is for key, headers and framing."""
LARGEST_PAYLOAD: Final = 64 * 1024 * 1024
"""Of a row once unpacked: far above any catalog, and a bound for what a broken record can cost."""
ENCODING: Final = "encoding"
DEFLATE: Final = b"deflate"

_commits: Final = msgspec.json.Decoder(CommitRow)


class RowTooLarge(Exception):
    """A row that no broker takes, told in a sentence that says what to do."""

    def __init__(self, key: str, size: int) -> None:
        super().__init__(
            f"row {key} has {size // 1024} KiB compressed and the feed takes {LARGEST_VALUE // 1024} KiB: "
            "declare fewer targets, or move pools to a second cell"
        )
        self.key = key
        self.size = size


class FeedRecord(Struct, frozen=True, kw_only=True):
    """One record, as any client can send it."""

    key: bytes
    value: bytes | None
    headers: Headers


class Unreadable(Struct, frozen=True):
    """A record that is no row and no commit; it says nothing about the table."""

    reason: str


def encode(commit: CommitRow, rows: Mapping[str, bytes | None]) -> list[FeedRecord]:
    """The rows and then their commit. Raises RowTooLarge; then nothing was encoded."""
    stamped = _headers(stamp_of(commit))
    found = [_row(key, payload, stamped) for key, payload in rows.items()]
    found.append(FeedRecord(key=COMMIT_KEY.encode(), value=msgspec.json.encode(commit), headers=stamped))
    return found


def decode(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> StampedRow | CommitRow | Unreadable:
    """What a record holds."""
    try:
        name = (key or b"").decode()
    except UnicodeDecodeError:
        return Unreadable("its key is no text")
    if not name:
        return Unreadable("it has no key")
    if name == COMMIT_KEY:
        return _commit(value)
    told = dict(headers)
    stamp = _stamp(told)
    if stamp is None:
        return Unreadable(f"row {name} has no stamp")
    payload = _payload(value, told.get(ENCODING))
    if isinstance(payload, Unreadable):
        return Unreadable(f"row {name}: {payload.reason}")
    return StampedRow(key=name, payload=payload, stamp=stamp)


def _row(key: str, payload: bytes | None, stamped: Headers) -> FeedRecord:
    value, headers = payload, stamped
    if payload is not None and len(payload) >= COMPRESS_FROM:
        value, headers = zlib.compress(payload), (*stamped, (ENCODING, DEFLATE))
    if value is not None and len(value) > LARGEST_VALUE:
        raise RowTooLarge(key, len(value))
    return FeedRecord(key=key.encode(), value=value, headers=headers)


def _headers(stamp: Stamp) -> Headers:
    return (
        ("generation", b"%d" % stamp.generation),
        ("epoch", b"%d" % stamp.epoch),
        ("position", b"%d" % stamp.position),
    )


def _stamp(told: Mapping[str, bytes]) -> Stamp | None:
    try:
        return Stamp(int(told["generation"]), int(told["epoch"]), int(told["position"]))
    except (KeyError, ValueError, TypeError):
        return None


def _commit(value: bytes | None) -> CommitRow | Unreadable:
    try:
        return _commits.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Unreadable("its commit cannot be read")


def _payload(value: bytes | None, encoding: bytes | None) -> bytes | Unreadable | None:
    if encoding is None or value is None:
        return value
    if encoding != DEFLATE:
        return Unreadable("its encoding is unknown to this version: upgrade it before the projector")
    unpacker = zlib.decompressobj()
    try:
        payload = unpacker.decompress(value, LARGEST_PAYLOAD)
    except zlib.error:
        return Unreadable("it cannot be unpacked")
    if not unpacker.eof:
        return Unreadable("it is cut short, or too large to unpack")
    return payload
