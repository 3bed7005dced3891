"""A moment of the routing state, ready to be looked at.

Rule: a scene is made from a state that nobody changes while it is read, and reads it once: the snapshot is
compiled from its rows by the same compiler that gateways use. A state without any catalog has no snapshot.
Dropped: showing the state's own fields, because then people would see another routing state than gateways do.
"""

from dataclasses import dataclass, field

from interlock_domain.projection.state import State
from interlock_domain.snapshot.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Scene:
    """A state at a log time; `strikes` is target -> shape -> failures that count."""

    state: State
    snapshot: Snapshot | None
    as_of_ms: int
    strikes: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def loaded(self) -> Snapshot:
        """The snapshot, where there must be one."""
        assert self.snapshot is not None  # noqa: S101 - the callers have looked
        return self.snapshot
