"""What an owner in a cluster has beside log, views and feed; without any of it the owner is an embedded one.

Rule: the loop asks these and knows no cluster. Dropped: a second loop for clusters, because the order of
fold, commit and publish is what keeps views equal to the log, and it should be written once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interlock_projector.compare import Comparer
from interlock_projector.halt import Halt
from interlock_projector.heal import Healer
from interlock_runtime.sqlite_errors import StorageError
from interlock_views.views import DeadLetter

if TYPE_CHECKING:
    from interlock_projector.tracing import BatchTraces


def _nothing() -> Sequence[DeadLetter]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Everything has a default that means: as in one process on one file."""

    away: tuple[type[Exception], ...] = (StorageError,)
    """What says that a store cannot be reached or cannot take anything now: the same is tried again."""
    in_force: bool = True
    """Feed, ticks and everything else outward are this projection's; a rebuild's are only its rows."""
    comparer: Comparer | None = None
    """Compares a rebuild with the projection in force."""
    seed: Callable[[], Awaitable[Halt | None]] | None = None
    """Gives a rebuild its first rows when the log has lost its beginning."""
    stands_by: bool = False
    """Whoever loses the projection goes on as a standby."""
    healer: Healer | None = None
    """Gets a missing decision into the log again; without one the projection halts before it."""
    passed_over: Callable[[], Sequence[DeadLetter]] = _nothing
    """Records that the log could not read since the last call."""
    untold: Callable[[], Awaitable[dict[str, bytes | None]]] | None = None
    """What the state feed, read to its end, does not say of the owner's rows; None removes a key."""
    traces: "BatchTraces | None" = None
    """Says what a batch tells of; None: nobody collects spans."""
    standing: Mapping[str, bytes] = field(default_factory=dict)
    """Feed rows that no fold gives, the cluster's key among them; published with the others."""
