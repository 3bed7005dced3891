"""The log read again by the drill: folded as it lies there, and folded without its copies.

Rule: what is a copy is decided here by the plainest rule (a decision's version, a fact's sequence, seen
before) and not by the fold. In the second fold a copy is a moment in time and nothing else, so both folds
agree only when a copy changed nothing. Each record is read once over a whole run.
"""

import asyncio
from time import monotonic
from typing import Final

from msgspec import Struct, field

from interlock_domain.events import SnapshotRejected
from interlock_domain.projection.effects import Effect
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.rows import table_digest
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import CLOCK_STREAM, RecordedEvent
from interlock_eventlog.log import LogReader
from interlock_eventlog.reading import stand_in
from interlock_runtime.kafka.connection import Unreachable

PAGE: Final = 500
"""Records between two breaths: the providers and clients of the drill live on the same loop."""


READ_S: Final = 60.0
AGAIN_S: Final = 0.2


class Order(Struct, kw_only=True):
    """What the order of the log shows."""

    copied_decisions: int = 0
    copied_facts: int = 0
    lost_facts: int = 0
    """Missing from the sequence of a boot."""
    lost: list[str] = field(default_factory=list)
    """Where they are missing."""
    holes: list[str] = field(default_factory=list)
    """Positions that a reader was not given."""
    rejected: list[str] = field(default_factory=list)
    """Snapshots that a gateway refused."""
    torn: list[str] = field(default_factory=list)
    """Decisions that came before the one they follow."""


class Refold:
    """Follows the log of a cell; `decisions` are by log position, copies included."""

    def __init__(self, log: LogReader) -> None:
        self.order = Order()
        self.decisions: dict[int, RecordedEvent] = {}
        self.by_reason: dict[str, list[RecordedEvent]] = {}
        self.effects: list[Effect] = []
        self.position = 0
        self.state: State = empty_state()
        self._without: State = empty_state()
        self._log = log
        self._versions: dict[str, int] = {}
        self._sequences: dict[tuple[str, int, str], int] = {}

    async def to(self, position: int) -> None:
        """Read on up to and including that position."""
        ends = monotonic() + READ_S
        while self.position < position:
            try:
                page = await self._log.read(after=self.position, limit=min(PAGE, position - self.position))
            except Unreachable:  # a broker that was just struck: its clients are still finding it
                if monotonic() > ends:
                    raise
                await asyncio.sleep(AGAIN_S)
                continue
            if not page:
                raise AssertionError(f"the log ends at {self.position}, before position {position}")
            for recorded in page:
                self._take(recorded)
            await asyncio.sleep(0)

    def digests(self) -> tuple[str, str]:
        """Of the table as folded, and as folded without copies."""
        return table_digest(self.state), table_digest(self._without)

    def _take(self, recorded: RecordedEvent) -> None:
        copy = self._is_copy(recorded)
        if recorded.position != self.position + 1:
            self.order.holes.append(f"{recorded.position} follows {self.position}")
        self.position = recorded.position
        self.effects.extend(evolve(self.state, recorded))
        evolve(self._without, stand_in(recorded.position, recorded.recorded_ms) if copy else recorded)
        if recorded.version is not None:
            self.decisions[recorded.position] = recorded
            if recorded.reason and not copy:
                self.by_reason.setdefault(recorded.reason, []).append(recorded)
        if isinstance(recorded.event, SnapshotRejected):
            self.order.rejected.append(f"{recorded.stream}: {recorded.event}")

    def _is_copy(self, recorded: RecordedEvent) -> bool:
        if recorded.version is not None:
            known = self._versions.get(recorded.stream, 0)
            if recorded.version <= known:
                self.order.copied_decisions += 1
                return True
            if recorded.version > known + 1:
                self.order.torn.append(f"{recorded.stream}: version {recorded.version} follows {known}")
            self._versions[recorded.stream] = recorded.version
        elif recorded.source is not None:
            source = recorded.source
            boot = (source.gateway, source.worker, source.boot)
            known = self._sequences.get(boot, 0)
            if source.seq <= known:
                self.order.copied_facts += 1
                return True
            if source.seq > known + 1 and recorded.stream != CLOCK_STREAM:  # a tick that is late is none
                self.order.lost_facts += source.seq - known - 1
                self.order.lost.append(f"{boot}: {source.seq} follows {known}, at {recorded.position}")
            self._sequences[boot] = source.seq
        return False
