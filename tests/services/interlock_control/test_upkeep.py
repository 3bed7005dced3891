"""Pruning by the retention in force."""

from interlock_control.upkeep import Upkeep
from interlock_domain.catalog.policy import Retention


class Kept:
    """A store of moments."""

    def __init__(self, *moments: int) -> None:
        self.moments = list(moments)

    async def prune(self, before_ms: int) -> int:
        old = [moment for moment in self.moments if moment < before_ms]
        self.moments = [moment for moment in self.moments if moment >= before_ms]
        return len(old)


class Broken:
    """A store that cannot forget."""

    async def prune(self, before_ms: int) -> int:
        raise OSError(f"no disk below {before_ms}")


RETENTION = Retention(events_ms=100, requests_ms=200, transitions_ms=300)


async def test_given_old_things_then_each_store_forgets_by_its_own_length_and_clock() -> None:
    events, requests, transitions = Kept(899, 900), Kept(799, 800), Kept(99, 100)
    upkeep = Upkeep(
        {"events": events, "requests": requests, "transitions": transitions},
        retention=lambda: RETENTION,
        log_ms=lambda: 400,
        wall_ms=lambda: 1_000,
    )
    assert await upkeep.prune() == {"events": 1, "requests": 1, "transitions": 1}
    assert (events.moments, requests.moments, transitions.moments) == ([900], [800], [100])


async def test_given_a_store_that_fails_then_the_others_are_pruned_all_the_same() -> None:
    requests = Kept(0)
    upkeep = Upkeep(
        {"events": Broken(), "requests": requests},
        retention=lambda: RETENTION,
        log_ms=lambda: 0,
        wall_ms=lambda: 1_000,
    )
    assert await upkeep.prune() == {"requests": 1}
