"""A moment of the routing state, ready to be looked at.

Rule: a scene reads a state once, while nobody changes it; its snapshot is compiled from the state's rows by
the compiler that gateways use, or patched from an earlier one, which gives the same. A state without any
target has no snapshot. Dropped: showing the state's own fields, because people would then see another
routing state than gateways do.
"""

import logging
from dataclasses import dataclass

from interlock_domain.projection.rows import all_rows, commit_row
from interlock_domain.projection.state import State, strikes_of
from interlock_domain.rows import version_text
from interlock_domain.snapshot.compile import compile_snapshot, patch_snapshot
from interlock_domain.snapshot.consistency import Inconsistency, Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scene:
    """A state at a log time."""

    state: State
    snapshot: Snapshot | None
    as_of_ms: int
    generation: int

    @property
    def loaded(self) -> Snapshot:
        """The snapshot, for those who have looked that there is one."""
        assert self.snapshot is not None
        return self.snapshot

    @property
    def version(self) -> str:
        """`g<generation>:<position>`."""
        return version_text(self.generation, self.state.position)

    def strikes(self, target: str) -> dict[str, int]:
        """Failures that count, by shape (or `*`), all gateways together."""
        known = self.state.targets.get(target)
        shapes = (
            {shape for lists in known.evidence.values() for shape in lists} if known is not None else set()
        )
        return {shape: strikes_of(self.state, target, shape) for shape in sorted(shapes)}


def scene_of(state: State, as_of_ms: int, *, generation: int, known: Snapshot | None = None) -> Scene:
    """The scene of a state; `known` is a snapshot of an earlier moment of the same one."""
    commit = commit_row(state, generation=generation, epoch=0)
    rows = all_rows(state)
    snapshot: Snapshot | Inconsistent | None = None
    if known is not None:
        changed: dict[str, bytes | None] = {k: row for k, row in rows.items() if known.rows.get(k) != row}
        changed.update(dict.fromkeys(known.rows.keys() - rows.keys()))
        snapshot = patch_snapshot(known, changed, commit)
    if not isinstance(snapshot, Snapshot):
        snapshot = compile_snapshot(rows, commit)
    if isinstance(snapshot, Inconsistent):
        if snapshot.reason is not Inconsistency.EMPTY_SET:
            _log.warning("the state at position %d gives no snapshot: %s", state.position, snapshot)
        snapshot = None
    return Scene(state=state, snapshot=snapshot, as_of_ms=as_of_ms, generation=generation)
