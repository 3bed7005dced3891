"""Which commit may follow which: the rule every adapter and reader shares.

Rule: within a generation neither the position nor the owner's epoch goes back; any commit of a
higher generation follows. An equal one follows too: it is the sign of life of an idle log. Comparing
positions alone was dropped: a paused former owner could still publish over its successor.
"""

from interlock_domain.rows import CommitRow


def follows(new: CommitRow, held: CommitRow | None) -> bool:
    """True when a reader that holds `held` may apply `new`."""
    if held is None or new.generation != held.generation:
        return held is None or new.generation > held.generation
    return new.position >= held.position and new.epoch >= held.epoch
