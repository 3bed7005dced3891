"""The promotion port: which projection is in force, and how the others compare with it.

Rule: one pointer says which projection gateways, effects and readers go by; moving it gives the new one an
epoch above every other and takes the lease of both, so whoever wrote the feed before is outdated by its first
record. The pointer moves only from where its mover saw it. Dropped: copying rows from one projection to the
other; a rollback would then be a second rebuild.
"""

from typing import Protocol

from msgspec import Struct


class Comparison(Struct, frozen=True, kw_only=True):
    """Rows of one projection against those of another, both at one position."""

    against: str
    position: int
    rows: int
    differing: int
    examples: tuple[str, ...] = ()
    """Some keys that differ."""


class Standing(Struct, frozen=True, kw_only=True):
    """A projection and how far it is."""

    name: str
    epoch: int
    position: int
    in_force: bool
    before: bool = False
    """It was in force until the last move of the pointer: where a rollback goes."""
    owner: str | None = None
    """Who holds the lease now."""
    dead_letters: int = 0
    """Records that it passed over and nobody has looked at."""
    compared: Comparison | None = None


class Promotions(Protocol):
    """The projections of the routing family."""

    async def in_force(self) -> str:
        """The one that the pointer names; the first one when nobody has moved it."""
        ...

    async def standings(self) -> list[Standing]:
        """All that were ever owned, the one in force first, then by name."""
        ...

    async def note(self, projection: str, epoch: int, comparison: Comparison) -> bool:
        """Keep what was compared; a former owner keeps nothing and gets False."""
        ...

    async def point_at(self, projection: str, *, instead_of: str) -> bool:
        """Move the pointer; False when it is not there any more, or nobody ever owned the projection."""
        ...
