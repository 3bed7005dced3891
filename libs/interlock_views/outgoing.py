"""The outgoing port: what a projection has written down for readers outside and has not told them yet.

Rule: everything is told at least once and in log order, and only by the projection that the pointer of its
family names, from where the one before it had got to; so a rebuild beside it pages nobody, and a promotion
repeats no old news. Marking is guarded by the epoch like a view commit.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Outgoing(Protocol[T]):
    """One kind of what is told: effects, or dead letters."""

    async def untold(self, projection: str, limit: int) -> list[T]:
        """The first ones, in log order; none while another projection is in force."""
        ...

    async def told(self, projection: str, epoch: int, those: Sequence[T]) -> bool:
        """Note that they were; a former owner notes nothing and gets False."""
        ...


class UntoldLetter(Struct, frozen=True, kw_only=True):
    """A dead letter as the database keeps it."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
