"""Pruning: what the configuration's retention says is too old goes, once an hour.

Rule: only what has lived its time is deleted, in the small steps of the stores; the first round waits a
while, so that a start is never slower for it. A failing round is logged and the next one tries again.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from interlock_domain.catalog.policy import Retention

FIRST_S: Final = 60.0
LETTERS_MS: Final = 30 * 86_400_000
"""Dead letters: as long as their copies stay on their topic."""
EVERY_S: Final = 3_600.0
"""Retentions are days: an hour more or less is nothing, and a round costs milliseconds per thousand rows."""

_log = logging.getLogger(__name__)


class Store(Protocol):
    """Something that forgets what is older than a moment."""

    async def prune(self, before_ms: int) -> int:
        """Delete; returns how many."""
        ...


class Upkeep:
    """Prunes by the retention in force. Transitions are dated in log time, the rest by the wall."""

    def __init__(
        self,
        stores: dict[str, Store],
        *,
        retention: Callable[[], Retention],
        log_ms: Callable[[], int],
        wall_ms: Callable[[], int],
    ) -> None:
        self._stores = stores
        self._retention = retention
        self._log_ms = log_ms
        self._wall_ms = wall_ms

    async def run(self) -> None:
        """For ever; ends by cancellation."""
        await asyncio.sleep(FIRST_S)
        while True:
            await self.prune()
            await asyncio.sleep(EVERY_S)

    async def prune(self) -> dict[str, int]:
        """One round; how many went, by store."""
        kept = self._retention()
        before = {
            "events": self._wall_ms() - kept.events_ms,
            "requests": self._wall_ms() - kept.requests_ms,
            "transitions": self._log_ms() - kept.transitions_ms,
            "dead_letters": self._wall_ms() - LETTERS_MS,
        }
        done: dict[str, int] = {}
        for name, store in self._stores.items():
            try:
                done[name] = await store.prune(before[name])
            except Exception as failure:  # noqa: BLE001  pruning is never worth a stop
                _log.warning("pruning %s failed: %s", name, failure)
        if any(done.values()):
            _log.info("pruned %s", done)
        return done
