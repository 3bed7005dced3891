"""From a cold start to a state that stands where the view rows stand.

Rule: the fold has the last word. The state comes from the newest trusted checkpoint, or from the start of
the log, and is folded to the position of the rows without writing; rows that differ from it are repaired.
Dropped: believing the rows after a crash, because then nobody would ever notice a row that lied.
"""

import logging
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from interlock_domain.projection.rows import take_changed_rows
from interlock_domain.projection.state import State, empty_state
from interlock_eventlog.log import UnreadableDecision
from interlock_projector.followed import FollowedLog
from interlock_projector.halt import Halt, log_hole, log_short, undecodable
from interlock_views.slices import Monotonic, fold_slices
from interlock_views.trusted import trusted_state
from interlock_views.views import Views, ViewTable

READ: Final = 500
"""Records per read and per view commit: about 10 ms of folding, and one short transaction."""

_log = logging.getLogger(__name__)


class Restored(Struct, kw_only=True):
    """A state at the position of the table, and where it came from."""

    state: State
    checkpoint: int
    folded: int
    recorded_ms: int


async def restore(
    log: FollowedLog, views: Views, projection: str, clock: Monotonic, *, warm: Restored | None = None
) -> tuple[ViewTable, Restored | Halt]:
    """The committed rows, and the state folded to their position, from `warm` unless it stands beyond."""
    table = await views.load(projection)
    head = await log.head()
    if head < table.position:
        return table, log_short(projection, table.position, head)
    restored = warm
    if restored is None or restored.state.position > table.position:
        restored = await from_checkpoint(views, projection, table.position)
    try:
        await fold_to(log, restored, table.position, clock)
    except UnreadableDecision as error:
        return table, undecodable(projection, str(error))
    if restored.state.position != table.position:
        return table, log_hole(projection, restored.state.position, table.position)
    # Changes count from this table: a row that ends with the next record must still be removed from it.
    take_changed_rows(restored.state)
    return table, restored


async def from_checkpoint(views: Views, projection: str, position: int) -> Restored:
    """The newest state to be trusted at or before a position; the empty one when there is none."""
    checkpoint = await views.checkpoint(projection, at_or_before=position)
    state = trusted_state(checkpoint)
    if checkpoint is None or state is None:
        return Restored(state=empty_state(), checkpoint=0, folded=0, recorded_ms=0)
    return Restored(state=state, checkpoint=checkpoint.position, folded=0, recorded_ms=checkpoint.recorded_ms)


async def fold_to(log: FollowedLog, restored: Restored, position: int, clock: Monotonic) -> None:
    """Fold the log up to a position, which no batch of decisions may enclose."""
    begun = read = restored.state.position
    folded = restored.folded
    while read < position:
        records = await log.read(after=read, limit=min(READ, position - read))
        records = [record for record in records if record.position <= position]
        if not records:  # what stood there has left the log
            break
        await fold_slices(restored.state, records, clock)
        read = records[-1].position
        restored.recorded_ms = records[-1].recorded_ms
        restored.folded += len(records)
    if restored.folded - folded >= READ:
        _log.info("folded %d events from position %d to %d", restored.folded - folded, begun, position)


def differing(want: Mapping[str, bytes], have: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What turns `have` into `want`: rows to write, and None for rows to remove."""
    rows: dict[str, bytes | None] = {key: row for key, row in want.items() if have.get(key) != row}
    rows.update(dict.fromkeys(have.keys() - want.keys()))
    return rows
