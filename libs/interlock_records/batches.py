"""Batches of request records as they stand on the requests topic: a JSON array, records in their order.

Rule: a batch is at most 200 records or 64 KiB, so that a reader's memory and a retry's cost are bounded; a
record larger than that travels alone. Dropped: one Kafka record each, which costs the broker and the reader
ten times the work for the same bytes.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from interlock_domain.attempt.record import RequestRecord

MOST_RECORDS: Final = 200
MOST_BYTES: Final = 64 * 1024
TOO_LARGE: Final = 512 * 1024
"""Half of what brokers take by default: a larger one would be refused for ever, and block those behind it."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(list[RequestRecord])


class Batch(Struct, frozen=True):
    """Some records of one gateway, ready for the wire."""

    body: bytes
    first: RequestRecord
    last: RequestRecord
    count: int


class TooLarge(Struct, frozen=True):
    """A record that no broker would take; nobody will ever see it."""

    request_id: str
    size: int


def batches(records: Sequence[RequestRecord]) -> Iterator[Batch | TooLarge]:
    """The records cut into batches, in order; what can never be sent is told."""
    waiting: list[tuple[RequestRecord, bytes]] = []
    size = 0
    for record in records:
        body = _encoder.encode(record)
        if len(body) > TOO_LARGE:
            yield TooLarge(record.request_id, len(body))
            continue
        if waiting and (len(waiting) >= MOST_RECORDS or size + len(body) + 1 > MOST_BYTES):
            yield _batch(waiting)
            waiting, size = [], 0
        waiting.append((record, body))
        size += len(body) + 1
    if waiting:
        yield _batch(waiting)


def records_of(body: bytes) -> list[RequestRecord]:
    """The records of one batch. Raises msgspec.MsgspecError or UnicodeDecodeError for bytes that are none."""
    return _decoder.decode(body)


def _batch(waiting: list[tuple[RequestRecord, bytes]]) -> Batch:
    body = b"[" + b",".join(body for _, body in waiting) + b"]"
    return Batch(body, waiting[0][0], waiting[-1][0], len(waiting))
