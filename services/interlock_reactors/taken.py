"""A record as a reactor takes it from a topic: bytes and a place, whatever is in it.

Rule: nothing here raises for any bytes. What cannot be used becomes a dead letter that names its place and
its reason, and whoever took it goes on behind it.
"""

from typing import Final

from msgspec import Struct

from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason

TYPE: Final = "ce_type"
SHOWN: Final = 300
"""Characters of a foreign text in a reason: enough to see what it is."""


class Taken(Struct, frozen=True, kw_only=True):
    """One record; `readable` False: the client cannot take it apart, and only its place is known."""

    topic: str
    partition: int
    offset: int
    recorded_ms: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    readable: bool = True

    def header(self, name: str) -> str | None:
        """The first header of that name as text; bytes that are no text are shown as such."""
        for known, value in self.headers:
            if known == name:
                return value.decode("utf-8", "backslashreplace")
        return None


def letter(taken: Taken, reason: DeadLetterReason, detail: str = "") -> DeadLetter:
    """The record as a dead letter."""
    return DeadLetter(
        topic=taken.topic,
        partition=taken.partition,
        offset=taken.offset,
        recorded_ms=taken.recorded_ms,
        reason=reason,
        detail=detail[:SHOWN],
        key=taken.key,
        headers=taken.headers,
        value=taken.value,
    )


def body(taken: Taken, *, kinds: frozenset[str], most_bytes: int) -> bytes | DeadLetter:
    """The bytes of a record of ours, or why it is none. A type is checked when the record says one."""
    if not taken.readable:
        return letter(taken, DeadLetterReason.BAD_HEADER, "the name of a header is no text")
    if taken.value is None:
        return letter(taken, DeadLetterReason.NULL_VALUE)
    if len(taken.value) > most_bytes:
        return letter(taken, DeadLetterReason.TOO_LARGE, f"{len(taken.value)} bytes")
    kind = taken.header(TYPE)
    if kind is None or kind in kinds:
        return taken.value
    known, _, version = kind.rpartition(".v")
    if known in kinds and version.isdecimal():
        return letter(taken, DeadLetterReason.FUTURE_VERSION, f"{kind}: upgrade the reactors")
    return letter(taken, DeadLetterReason.UNKNOWN_TYPE, kind)
