"""The lease port: which process owns a projection now.

Rule: ownership is a row with a deadline on the database's own clock, so no two machines need to agree on the
time; every take-over raises the epoch, and the epoch guards every write, so an owner that was paused past
its deadline can hold the lease in its mind as long as it likes and writes nothing. Dropped: a session
advisory lock, which a broken network keeps for as long as the server's keep-alive takes to notice.
"""

from typing import Protocol

from msgspec import Struct


class Lease(Struct, frozen=True, kw_only=True):
    """A projection in the hands of `owner`, under `epoch`."""

    projection: str
    owner: str
    epoch: int


class Leases(Protocol):
    """Who may write a projection."""

    async def acquire(self, projection: str, owner: str, ttl_s: float) -> Lease | None:
        """Take the projection if nobody holds it, with a new epoch; None while somebody else does."""
        ...

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Hold it for `ttl_s` from now; False: it was taken over, so stop."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let a standby take it at once; nothing happens when it was taken over already."""
        ...
