"""Where a rebuild begins when the log has lost its own beginning.

Rule: fold(log) then means the fold of the oldest checkpoint that the log still continues; a projection that
has nothing takes it from the one in force, rows and all, as its first commit. Dropped: beginning at what is
left of the log, a fold without the catalog that everything else speaks of.
"""

import logging

import msgspec

from interlock_domain.projection.rows import all_rows
from interlock_domain.projection.state import State
from interlock_projector.followed import FollowedLog
from interlock_projector.halt import Halt, no_beginning
from interlock_projector.standby import StandbyViews
from interlock_views.lease import Lease
from interlock_views.trusted import trusted_state
from interlock_views.views import Checkpoint, ViewCommit

_log = logging.getLogger(__name__)


async def seed(log: FollowedLog, views: StandbyViews, lease: Lease, *, source: str) -> Halt | None:
    """Make the first commit of a new projection when the log needs one. Raises UnreadableDecision."""
    name = lease.projection
    if await views.position(name):
        return None
    first = await log.read(after=0, limit=1)
    begins = first[0].position if first else await log.head() + 1
    if begins == 1:
        return None
    found = await _oldest(views, source, begins - 1)
    if found is None:
        return no_beginning(name, begins, source)
    checkpoint, state = found
    step = ViewCommit(
        projection=name,
        epoch=lease.epoch,
        expected_position=0,
        position=state.position,
        rows=dict(all_rows(state)),
    )
    if await views.commit(step):
        await views.save_checkpoint(msgspec.structs.replace(checkpoint, projection=name, epoch=lease.epoch))
        _log.info("%s begins at position %d, from a checkpoint of %s", name, state.position, source)
    return None


async def _oldest(views: StandbyViews, source: str, position: int) -> tuple[Checkpoint, State] | None:
    """The oldest checkpoint at a position or later that this version can read."""
    found: tuple[Checkpoint, State] | None = None
    checkpoint = await views.checkpoint(source)
    while checkpoint is not None and checkpoint.position >= position:
        state = trusted_state(checkpoint)
        if state is not None:
            found = checkpoint, state
        checkpoint = await views.checkpoint(source, at_or_before=checkpoint.position - 1)
    return found
