"""The second process: every recorded decision of a file, recomputed from the file's own log.

Rule: one pass from the first event; at each position that a record names, the snapshot is compiled from the
state as folded so far and the decision made again. Nothing is taken from views, checkpoints or the feed.

    python -m tests.drills.rig.recheck copy.db     prints one JSON document
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.projection.state import State, empty_state
from interlock_domain.recorded import RecordedEvent
from interlock_domain.replay.at import fold_to, snapshot_of
from interlock_domain.replay.recompute import Verdict, recompute
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_records.paging import snapshot_place
from tests.drills.rig.rest import events, opened


class Walk:
    """The fold, moved forward to one position after another."""

    def __init__(self, log: SqliteEventLog) -> None:
        self.state: State = empty_state()
        self.folded = 0
        self._pages = events(log)
        self._held: list[RecordedEvent] = []

    async def to(self, position: int) -> None:
        """Fold up to and including that position."""
        while not self._held or self._held[-1].position <= position:
            fold_to(self._held, self.state)
            self.folded += len(self._held)
            self._held = await anext(self._pages, [])
            if not self._held:
                return
        ready = sum(one.position <= position for one in self._held)
        fold_to(self._held[:ready], self.state)
        self.folded += ready
        self._held = self._held[ready:]


class Recheck(Struct, kw_only=True):
    """What one pass found. `causes`: decisions that name a log position as a candidate's reason."""

    records: int = 0
    snapshots: int = 0
    events: int = 0
    excluded: int = 0
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    places: list[tuple[int, int, str]] = field(default_factory=list)
    """(snapshot position, log time of the decision, verdict) of every record, in the order of the log."""

    def add(self, record: RequestRecord, position: int, verdict: Verdict) -> None:
        """Count one record."""
        self.records += 1
        self.verdicts[verdict.value] += 1
        self.places.append((position, record.inputs.as_of_ms, verdict.value))
        candidates = record.decision.candidates if record.decision is not None else ()
        self.excluded += any(candidate.rank is None for candidate in candidates)
        for candidate in candidates:
            self.reasons.update(reason.value for reason in candidate.reasons)
            if candidate.cause is not None:
                self.causes[str(candidate.cause)] += 1


async def recheck(database: Path) -> Recheck:
    """Recompute every record."""
    found, began = Recheck(), time.perf_counter()
    snapshot: Snapshot | None = None
    async with opened(database) as (log, records):
        walk = Walk(log)
        async for record in records.scan():
            generation, position = snapshot_place(record.snapshot)
            if snapshot is None or snapshot.version != record.snapshot:
                await walk.to(position)
                compiled = snapshot_of(walk.state, generation)
                snapshot = compiled if isinstance(compiled, Snapshot) else None
                found.snapshots += 1
            found.add(record, position, recompute(snapshot, record))
        found.events = walk.folded
    found.seconds = round(time.perf_counter() - began, 2)
    return found


async def in_second_process(database: Path) -> dict[str, Any]:
    """Run this module in a process of its own; its document."""
    command = (sys.executable, "-m", "tests.drills.rig.recheck", str(database))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise AssertionError(f"the second process ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    return found


def main() -> None:
    """Recompute the file that the command line names."""
    found = asyncio.run(recheck(Path(sys.argv[1])))
    print(json.dumps({name: getattr(found, name) for name in found.__struct_fields__}))


if __name__ == "__main__":
    main()
