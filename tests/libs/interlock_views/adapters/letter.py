"""A dead letter as a reader of the log makes it, as odd as they come."""

import msgspec


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be read."""

    offset: int
    topic: str = "interlock.events.v1"
    partition: int = 0
    recorded_ms: int = 5
    reason: str = "bad_json"
    detail: str = "nul \0 and half a pair \ud800"
    key: bytes | None = b"\xff"
    headers: tuple[tuple[str, bytes], ...] = (("ce_id", b"\xfe"), ("odd\0name", b""))
    value: bytes | None = None
