"""Dead letters: records of a topic that nobody could read, kept whole so that a person can look at them.

Rule: a letter holds the record as it came, bytes and all, and its place; (topic, partition, offset) names it,
so that reading the same stretch again makes no second one. The reader goes on behind it: one foreign record
must not stop a log. Keeping only the reason was dropped: the record itself is gone once retention passes.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from interlock_eventlog.codec import UndecodableReason

FACT_BYTES: Final = 256 * 1024
"""The largest fact that is believed. A gateway's report of everything it knows is a tenth of it; a larger one
would sit in the state and in every row made of it."""


class DeadLetterReason(StrEnum):
    """Why a record was passed over."""

    BAD_JSON = "bad_json"
    UNKNOWN_TYPE = "unknown_type"
    FUTURE_VERSION = "future_version"
    BAD_DATA = "bad_data"
    NULL_VALUE = "null_value"
    BAD_HEADER = "bad_header"
    """The client cannot take the record apart; its bytes are lost to us, its place is not."""
    WRONG_KEY = "wrong_key"
    """The key is not the stream that the body names: no part of Interlock wrote it."""
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    """A receiver outside will never take it."""
    UNDELIVERED = "undelivered"
    """A receiver outside did not take it, however often it was tried."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One record that was passed over."""

    topic: str
    partition: int
    offset: int
    recorded_ms: int
    reason: DeadLetterReason
    detail: str
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


def reason_of(reason: UndecodableReason) -> DeadLetterReason:
    """The codec's reasons are ours, by the same words."""
    return DeadLetterReason(reason.value)
