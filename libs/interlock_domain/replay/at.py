"""State and snapshot at a past moment: fold the log that far, and compile what stands there.

Rule: snapshot(version) = compile(fold(log up to that position)), by the same functions that the
projector and the gateways use. A position inside a batch means the state before the batch: the fold
holds a batch back until its last record. The caller's state is folded in place; fork it to keep it.
Dropped: keeping each published snapshot, because the log already holds all of them.
"""

from collections.abc import Iterable

from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import all_rows, commit_row
from interlock_domain.projection.state import State
from interlock_domain.recorded import RecordedEvent
from interlock_domain.snapshot.compile import compile_snapshot
from interlock_domain.snapshot.consistency import Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot


def fold_to(records: Iterable[RecordedEvent], state: State, position: int | None = None) -> State:
    """Fold records in log order up to and including `position` (None: all of them)."""
    for recorded in records:
        if position is not None and recorded.position > position:
            break
        evolve(state, recorded)
    return state


def fold_until(records: Iterable[RecordedEvent], state: State, at_ms: int) -> State:
    """Fold records in log order up to the first one that was appended after `at_ms`."""
    for recorded in records:
        if recorded.recorded_ms > at_ms:
            break
        evolve(state, recorded)
    return state


def snapshot_of(state: State, generation: int, epoch: int = 0) -> Snapshot | Inconsistent:
    """The snapshot that gateways had when the log stood where the state stands."""
    return compile_snapshot(all_rows(state), commit_row(state, generation=generation, epoch=epoch))
