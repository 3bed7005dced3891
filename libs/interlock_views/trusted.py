"""Whether saved fold state may be gone on from.

Rule: a checkpoint is a cache. One of another schema, one that does not decode and one whose digest or
position differs all mean folding from the start, never an error shown to anybody. Dropped: trusting the
store because it is transactional; the state's layout changes more often than disks lie, and both look the
same here.
"""

import logging

import msgspec

from interlock_domain.projection.checkpoint import STATE_SCHEMA, decode_state, state_digest
from interlock_domain.projection.state import State
from interlock_views.views import Checkpoint

_log = logging.getLogger(__name__)


def trusted_state(checkpoint: Checkpoint | None) -> State | None:
    """The state of a checkpoint that this version may go on from; None means: fold from the start."""
    if checkpoint is None:
        return None
    if checkpoint.schema != STATE_SCHEMA:
        _log.info(
            "checkpoint at %d has schema %d: folding from the start", checkpoint.position, checkpoint.schema
        )
        return None
    try:
        state = decode_state(checkpoint.state)
    except (msgspec.MsgspecError, UnicodeError) as error:
        _log.warning(
            "checkpoint at %d is not readable (%s): folding from the start", checkpoint.position, error
        )
        return None
    if state.position != checkpoint.position or state_digest(state) != checkpoint.digest:
        _log.warning("checkpoint at %d fails its digest: folding from the start", checkpoint.position)
        return None
    return state
