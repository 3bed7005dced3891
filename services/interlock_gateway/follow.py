"""The snapshot in force: follows the state feed, compiles, swaps by one reference assignment.

Rules: a version never goes back within a generation; a snapshot that fails its own validation is
rejected with a reason (a SnapshotRejected fact) and the last good one stays; with the feed away the
gateway goes on from what it holds, also after its own restart, from the last-known-good file.
`as_of_ms` is this gateway's estimate of log time: the commit's log time plus the monotonic time
since it arrived, never backwards within a generation. No wall clock decides anything, except for
how long the process was down, which only the wall clock knows.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from interlock_domain.rows import CommitRow
from interlock_domain.snapshot.compile import compile_snapshot, patch_snapshot
from interlock_domain.snapshot.consistency import Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_feed.feed import FeedReader, FeedUpdate, SnapshotStore
from interlock_runtime.trouble import Trouble

_log = logging.getLogger(__name__)

SAVE_EVERY_S: Final = 1.0
"""How old the last-known-good file may be; each save is an fsync, so not once a commit."""
LAST_SAVE_S: Final = 1.0
"""At the end, for a save that is under way."""
RETRY_S: Final = 0.5
REREAD_S: Final = 2.0
"""After a rejected commit: a publisher that was just replaced has written the rest by then."""


class Held(Struct, frozen=True):
    """A snapshot, when it arrived (monotonic ms) and the log time it stood for then."""

    snapshot: Snapshot
    arrived_ms: float
    log_ms: int
    version: str


class Follower:
    """Holds the snapshot in force; `on_swap(before, after)` and `on_reject` are told of changes."""

    def __init__(
        self,
        feed: FeedReader,
        file: SnapshotStore | None,
        *,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        self._feed = feed
        self._file = file
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._trouble = Trouble(_log, "the state feed cannot be followed", monotonic=monotonic)
        self._rows: dict[str, bytes] = {}
        self._saved_at = -SAVE_EVERY_S
        self._saved_version = ""
        self._saving: asyncio.Task[None] | None = None
        self._floor_ms = 0
        self._rejected: Inconsistent | None = None
        self.held: Held | None = None
        self.ready = asyncio.Event()
        self.on_swap: Callable[[Snapshot | None, Snapshot], None] = lambda before, after: None
        self.on_reject: Callable[[CommitRow, Inconsistent], None] = lambda commit, why: None

    def as_of_ms(self) -> int:
        """Log time now, as far as this gateway can know."""
        held = self.held
        if held is None:
            return 0
        estimate = held.log_ms + int(self._monotonic() * 1000 - held.arrived_ms)
        if estimate < self._floor_ms:
            return self._floor_ms
        self._floor_ms = estimate
        return estimate

    def age_ms(self) -> int:
        """Milliseconds since the last commit arrived; 0 before the first."""
        return int(self._monotonic() * 1000 - self.held.arrived_ms) if self.held else 0

    def load_file(self) -> bool:
        """Start from the last known good snapshot; True when there was one."""
        found = self._file.load() if self._file else None
        if found is None:
            return False
        snapshot = compile_snapshot(found.rows, found.commit)
        if isinstance(snapshot, Inconsistent):
            _log.warning("the last known good snapshot is not usable: %s", snapshot)
            return False
        away_ms = max(0, self._wall_ms() - found.written_wall_ms)
        self._rows = dict(found.rows)
        self._hold(snapshot, found.commit.log_ms + away_ms)
        return True

    async def run(self) -> None:
        """Follow the feed for ever; ends by cancellation only."""
        try:
            while True:
                wait = await self._follow()
                await asyncio.sleep(wait)
        finally:
            if self._saving is not None:
                await asyncio.wait([self._saving], timeout=LAST_SAVE_S)

    async def _follow(self) -> float:
        """Until the feed ends, or tells what cannot be; how long to wait before the next try."""
        try:
            async with _closing(self._feed.tail()) as updates:
                async for update in updates:
                    self._trouble.is_over()
                    if not self.apply(update):
                        return REREAD_S  # what follows is built on what was rejected: read the whole anew
                    self._save_soon()
        except Exception as failure:  # noqa: BLE001  fail-static: a broken feed never takes the snapshot away
            self._trouble.is_on(failure)
        return RETRY_S

    def apply(self, update: FeedUpdate) -> bool:
        """Compile the update and swap it in; False: rejected, and what is held stays."""
        commit = update.commit
        held = self.held
        if held is not None and _older(commit, held.snapshot):
            return True
        rows = _merged({} if update.whole else self._rows, update.rows)
        if held is None or update.whole:
            compiled = compile_snapshot(rows, commit)
        else:
            compiled = patch_snapshot(held.snapshot, update.rows, commit)
        if isinstance(compiled, Inconsistent):
            if compiled != self._rejected:  # told once: the fact itself leads to the next commit
                _log.warning("snapshot %s:%s rejected: %s", commit.generation, commit.position, compiled)
                self.on_reject(commit, compiled)
            self._rejected = compiled
            return False
        self._rejected = None
        self._rows = rows
        self._hold(compiled, commit.log_ms)
        return True

    def _hold(self, snapshot: Snapshot, log_ms: int) -> None:
        before = self.held.snapshot if self.held else None
        if before is not None and before.generation != snapshot.generation:
            self._floor_ms = 0
        self.held = Held(snapshot, self._monotonic() * 1000, log_ms, snapshot.version)
        self.on_swap(before, snapshot)
        self.ready.set()
        _log.debug("snapshot %s is in force", snapshot.version)

    def _save_soon(self) -> None:
        """Beside the feed: waiting for a disk would hold up the next snapshot."""
        held, now = self.held, self._monotonic()
        if self._file is None or held is None or now - self._saved_at < SAVE_EVERY_S:
            return
        if held.snapshot.version == self._saved_version or (self._saving and not self._saving.done()):
            return
        self._saved_at = now
        self._saved_version = held.snapshot.version
        saving = self._save(self._file, held.snapshot.commit, self._rows)
        self._saving = asyncio.get_running_loop().create_task(saving)

    async def _save(self, file: SnapshotStore, commit: CommitRow, rows: Mapping[str, bytes]) -> None:
        try:
            await asyncio.to_thread(file.save, commit, rows, self._wall_ms())
        except OSError as failure:
            _log.warning("cannot write the last known good snapshot: %s", failure)


@asynccontextmanager
async def _closing(updates: AsyncIterator[FeedUpdate]) -> AsyncIterator[AsyncIterator[FeedUpdate]]:
    """End a generator where it is left, not where the collector finds it."""
    try:
        yield updates
    finally:
        close = getattr(updates, "aclose", None)
        if close is not None:
            await close()


def _older(commit: CommitRow, held: Snapshot) -> bool:
    return (commit.generation, commit.position) < (held.generation, held.position)


def _merged(rows: dict[str, bytes], changed: dict[str, bytes | None]) -> dict[str, bytes]:
    merged = dict(rows)
    for key, payload in changed.items():
        if payload is None:
            merged.pop(key, None)
        else:
            merged[key] = payload
    return merged
