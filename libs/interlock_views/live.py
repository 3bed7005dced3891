"""The live state of a projection, as readers in the same process see it, and how far it has come.

Rule: a reader gets the state and the log time to read it at, and changes neither; what waits for a position
waits until the rows of that position are committed, so that a write can be read back. The projector offers
this port in embedded mode; a control plane in a cluster keeps a fold of its own behind it.
"""

from typing import Protocol

from msgspec import Struct

from interlock_domain.projection.state import State


class ProjectionStatus(Struct, frozen=True, kw_only=True):
    """Where a projection stands, and what it did since this process started."""

    name: str
    generation: int
    epoch: int = 0
    position: int = 0
    published: int = 0
    """Position of the last commit in the state feed."""
    log_ms: int = 0
    events: int = 0
    commits: int = 0
    skipped: int = 0
    """Facts that could not be decoded."""
    repaired: int = 0
    """Rows that differed from the fold at start."""
    checkpoint: int = 0
    halted: str | None = None
    """Why the projection stands still, in a sentence; None while it runs."""
    trouble: str | None = None
    """What it cannot reach now, in a sentence; it shows what it has and goes on by itself."""
    age_ms: int = 0
    """Since it was last seen to stand at the end of the log; counted where the log is another process."""


class RoutingState(Protocol):
    """What readers in the same process may ask of a running projection."""

    def current(self) -> tuple[State, int]:
        """The live state, never to be changed, and as_of: its log time plus the time since it was folded."""
        ...

    def status(self) -> ProjectionStatus:
        """How far it has come."""
        ...

    async def wait_position(self, position: int, timeout_s: float) -> bool:
        """True as soon as the rows of `position` are committed; False when the timeout passed first."""
        ...
