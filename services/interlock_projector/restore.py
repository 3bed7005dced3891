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
from interlock_eventlog.log import EventLog, UnreadableDecision
from interlock_projector.clock import Clock
from interlock_projector.halt import Halt, log_short, undecodable
from interlock_projector.slices import fold_slices
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
    log: EventLog, views: Views, projection: str, clock: Clock
) -> tuple[ViewTable, Restored | Halt]:
    """The committed rows, and the state folded to their position."""
    table = await views.load(projection)
    head = await log.head()
    if head < table.position:
        return table, log_short(projection, table.position, head)
    checkpoint = await views.checkpoint(projection, at_or_before=table.position)
    state = trusted_state(checkpoint)
    found = state.position if state is not None else 0
    restored = Restored(
        state=state if state is not None else empty_state(),
        checkpoint=found,
        folded=0,
        recorded_ms=checkpoint.recorded_ms if checkpoint is not None and state is not None else 0,
    )
    try:
        await _fold_to(log, restored, table.position, clock)
    except UnreadableDecision as error:
        return table, undecodable(projection, str(error))
    # Changes count from this table: a row that ends with the next record must still be removed from it.
    take_changed_rows(restored.state)
    return table, restored


async def _fold_to(log: EventLog, restored: Restored, position: int, clock: Clock) -> None:
    read = restored.state.position
    while read < position:
        records = await log.read(after=read, limit=min(READ, position - read))
        if not records:
            break
        records = [record for record in records if record.position <= position]
        await fold_slices(restored.state, records, clock)
        read = records[-1].position
        restored.recorded_ms = records[-1].recorded_ms
        restored.folded += len(records)
    if restored.folded:
        _log.info("folded %d events from position %d to %d", restored.folded, restored.checkpoint, position)


def differing(want: Mapping[str, bytes], have: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What turns `have` into `want`: rows to write, and None for rows to remove."""
    rows: dict[str, bytes | None] = {key: row for key, row in want.items() if have.get(key) != row}
    rows.update(dict.fromkeys(have.keys() - want.keys()))
    return rows
