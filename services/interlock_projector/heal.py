"""A gap in the decisions: the log misses a version that the journal has.

Rule: the missing decision comes again through the log and never from the side, so that every reader of the
log heals by the same records. The relay is set back to it (to the first of its batch, since a batch is
applied whole), and the fold goes on meanwhile: it applies no later decision until the missing one came.
Dropped: reading it from the journal into the fold, because then views would not be a function of the log.
"""

import logging
from typing import Final

from interlock_domain.projection.state import Gap
from interlock_eventlog.journal import Journal, Outbox
from interlock_eventlog.log import UnreadableDecision

AGAIN_S: Final = 10.0
"""Between two requests for one gap: a relay that is alive has sent it long before."""
PAGE: Final = 500
"""Decisions of a stream a read: a stream has a few thousand in years."""

_log = logging.getLogger(__name__)


class Healer:
    """Asks for what is missing, once, and again when it does not come."""

    def __init__(self, journal: Journal, outbox: Outbox) -> None:
        self._journal = journal
        self._outbox = outbox
        self._gap: Gap | None = None
        self._asked = 0.0
        self.asked = 0
        """How often, for the metrics."""

    async def look(self, gap: Gap | None, now: float) -> None:
        """Ask when there is a gap that was not asked for lately."""
        if gap is None:
            if self._gap is not None:
                _log.info("the gap before %s version %d is closed", self._gap.stream, self._gap.got)
            self._gap = None
            return
        if gap == self._gap and now - self._asked < AGAIN_S:
            return
        stream, version = await self._first(gap)
        count = await self._outbox.publish_again(stream, version)
        self._gap, self._asked, self.asked = gap, now, self.asked + 1
        _tell(gap, count)

    async def _first(self, gap: Gap) -> tuple[str, int]:
        """Where to begin again: the missing decision, or the beginning of the batch that it is part of."""
        after = 0
        while True:
            try:
                page = await self._journal.read(after=after, limit=PAGE, stream=gap.stream)
            except UnreadableDecision:  # of a newer version; what is missing is known all the same
                return gap.stream, gap.expected
            found = next((one for one in page if one.version == gap.expected), None)
            if found is not None or not page:
                break
            after = page[-1].position
        if found is None or found.batch is None or not found.batch.index:
            return gap.stream, gap.expected
        (begin,) = await self._journal.read(after=found.position - found.batch.index - 1, limit=1)
        return begin.stream, begin.version or gap.expected


def _tell(gap: Gap, count: int) -> None:
    missing = f"{gap.stream} version {gap.expected} (found {gap.got})"
    if count:
        _log.error("the log misses %s: %d decisions are published again from there", missing, count)
    else:
        _log.error(
            "the log misses %s and so does the journal: was the database restored from an older copy? "
            "run `interlock migrate --new-generation`",
            missing,
        )
