"""The dead letter port: what was passed over and waits for a person.

Rule: a letter is settled once, as replayed or as dropped, with who did it and why, and stays to be read until
its time is over. Replaying never puts a record back where it stood: a copy comes at the end of its topic, and
`copy` says where. Dropped: deleting a letter when it is settled, after which nobody can say what was in it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class LetterState(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class KeptLetter(Struct, frozen=True, kw_only=True):
    """One record as it came, who could not use it, and what became of it."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    recorded_ms: int
    reason: str
    detail: str
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    state: LetterState = LetterState.WAITING
    changed_ms: int = 0
    changed_by: str | None = None
    changed_because: str | None = None
    copy: str | None = None
    """Where the copy stands, `<topic>/<partition>/<offset>`."""


class Settling(Struct, frozen=True, kw_only=True):
    """How a letter is settled."""

    state: LetterState
    by: str
    because: str | None = None
    copy: str | None = None


class Letters(Protocol):
    """Dead letters in the order they came."""

    async def page(
        self, *, state: LetterState | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[KeptLetter]:
        """Those with id > after, ascending."""
        ...

    async def get(self, id: int) -> KeptLetter | None:
        """One of them."""
        ...

    async def settle(self, id: int, settling: Settling) -> bool:
        """False when it is not waiting (any more): then nothing changed."""
        ...

    async def prune(self, before_ms: int) -> int:
        """Forget those recorded before; returns how many."""
        ...
