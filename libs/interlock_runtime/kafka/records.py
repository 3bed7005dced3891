"""Records on their way to a topic, as values.

Rule: nothing of a client of Kafka is imported here, because the embedded mode has none installed and uses the
same modules.
"""

from msgspec import Struct


class OutRecord(Struct, frozen=True, kw_only=True):
    """A record on its way; `partition` None = by the key."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = 0
    timestamp_ms: int | None = None


class SentRecord(Struct, frozen=True):
    """Where a record stands and what time the broker gave it."""

    partition: int
    offset: int
    timestamp_ms: int
