"""Views in memory: for tests and simulations. No method awaits, so each is atomic on its loop."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from interlock_domain.projection.effects import Effect
from interlock_views.lease import Lease
from interlock_views.thinning import kept
from interlock_views.views import Checkpoint, DeadLetter, ViewCommit, ViewTable


class MemoryViews:
    """Views over dictionaries."""

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}
        self._tables: dict[str, ViewTable] = {}
        self._checkpoints: dict[str, dict[int, Checkpoint]] = {}
        self._effects: dict[tuple[int, str, int], Effect] = {}
        self.dead_letters: dict[tuple[str, int, int], DeadLetter] = {}

    async def claim(self, projection: str) -> int:
        """See Views."""
        self._epochs[projection] = self._epochs.get(projection, 0) + 1
        return self._epochs[projection]

    async def load(self, projection: str) -> ViewTable:
        """See Views."""
        held = self._tables.get(projection, ViewTable())
        return ViewTable(position=held.position, rows=dict(held.rows))

    async def position(self, projection: str) -> int:
        """How far it is committed, without its rows."""
        return self._tables.get(projection, ViewTable()).position

    async def commit(self, step: ViewCommit) -> bool:
        """See Views."""
        held = self._tables.get(step.projection, ViewTable())
        if (held.position, self._epochs.get(step.projection, 0)) != (step.expected_position, step.epoch):
            return False
        merged = {**held.rows, **step.rows}
        rows = {key: row for key, row in merged.items() if row is not None}
        self._tables[step.projection] = ViewTable(position=step.position, rows=rows)
        for effect in step.effects:
            self._effects[effect.position, step.projection, effect.n] = effect
        for dead in step.dead_letters:
            self.dead_letters.setdefault((dead.topic, dead.partition, dead.offset), dead)
        return True

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See Views."""
        if checkpoint.epoch not in {0, self._epochs.get(checkpoint.projection, 0)}:
            return
        held = self._checkpoints.setdefault(checkpoint.projection, {})
        held[checkpoint.position] = msgspec.structs.replace(checkpoint, epoch=0)
        keep = kept((one.position, one.recorded_ms) for one in held.values())
        self._checkpoints[checkpoint.projection] = {at: one for at, one in held.items() if at in keep}

    async def checkpoint(self, projection: str, *, at_or_before: int | None = None) -> Checkpoint | None:
        """See Views."""
        held = self._checkpoints.get(projection, {})
        positions = [at for at in held if at_or_before is None or at <= at_or_before]
        return held[max(positions)] if positions else None

    async def transitions(
        self, *, subject: str | None = None, after: int = 0, limit: int = 500, newest: bool = False
    ) -> Sequence[Effect]:
        """See Views."""
        wanted = [
            effect
            for (position, _, _), effect in sorted(self._effects.items(), reverse=newest)
            if subject in {None, effect.subject} and _beyond(position, after, newest=newest)
        ]
        return whole_positions(wanted, limit)


class MemoryLeases:
    """Leases of one process; `now_s` is the clock that a cluster's database has, `views` count the epochs."""

    def __init__(self, now_s: Callable[[], float], views: MemoryViews) -> None:
        self._now_s = now_s
        self._views = views
        self._held: dict[str, tuple[Lease, float]] = {}

    async def acquire(self, projection: str, owner: str, ttl_s: float) -> Lease | None:
        """See Leases."""
        if projection in self._held and self._held[projection][1] > self._now_s():
            return None
        lease = Lease(projection=projection, owner=owner, epoch=await self._views.claim(projection))
        self._held[projection] = lease, self._now_s() + ttl_s
        return lease

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """See Leases."""
        if not self._is_held(lease):
            return False
        self._held[lease.projection] = lease, self._now_s() + ttl_s
        return True

    async def release(self, lease: Lease) -> None:
        """See Leases."""
        if self._is_held(lease):
            del self._held[lease.projection]

    def _is_held(self, lease: Lease) -> bool:
        return lease.projection in self._held and self._held[lease.projection][0] == lease


def _beyond(position: int, after: int, *, newest: bool) -> bool:
    return not after or (position < after if newest else position > after)


def whole_positions(effects: Iterable[Effect], limit: int) -> list[Effect]:
    """The first `limit` effects and the rest of the last one's position, so that a page ends between two."""
    page: list[Effect] = []
    for effect in effects:
        if len(page) >= limit and effect.position != page[-1].position:
            break
        page.append(effect)
    return page
