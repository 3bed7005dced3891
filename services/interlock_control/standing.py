"""How the cell stands, looked at every few seconds and told as metrics: what nobody else would notice.

Rule: asked of the database by every control process, whoever is active, so that decisions which no relay
publishes show in any of them. A look that fails is left out of the metrics, never told as the last good one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from interlock_control.metrics import Metrics, Sample
from interlock_runtime.trouble import Trouble

LOOK_S: Final = 5.0
"""A scrape comes each 10 to 60 s; the look is one statement over short indexes."""
STUCK_S: Final = 15.0
"""Decisions wait for milliseconds, and some seconds while a broker fails over (up to 9 s, measured)."""

_log = logging.getLogger(__name__)


class Stood(Protocol):
    """What is told of `CellStanding`."""

    @property
    def waiting(self) -> int: ...
    @property
    def waiting_s(self) -> float: ...
    @property
    def relays(self) -> int: ...
    @property
    def letters(self) -> int: ...
    @property
    def owned(self) -> bool: ...


class StandingWatch:
    """`run` as a task; `measure` once."""

    def __init__(
        self,
        look: Callable[[], Awaitable[Stood]],
        *,
        away: tuple[type[Exception], ...],
        monotonic: Callable[[], float],
    ) -> None:
        self._look = look
        self._away = away
        self._stuck = Trouble(_log, "the relay", monotonic=monotonic)
        self._seen: Stood | None = None

    async def run(self) -> None:
        """For ever; ends by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once."""
        try:
            self._seen = seen = await self._look()
        except self._away:  # the parts that need the database tell it
            self._seen = None
            return
        if seen.waiting_s > STUCK_S:
            self._stuck.is_on(stuck(seen))
        else:
            self._stuck.is_over()

    def measure(self, metrics: Metrics) -> None:
        """Tell what was seen last."""

        def gauge(name: str, text: str, value: Callable[[Stood], float]) -> None:
            metrics.gauge(f"interlock_{name}", text, self._sample(value))

        gauge("journal_waiting", "Decisions that the log has not got yet", lambda seen: seen.waiting)
        gauge("journal_waiting_seconds", "How long the first of them waits", lambda seen: seen.waiting_s)
        gauge(
            "relays_active", "Control processes that publish decisions; 1 is right", lambda seen: seen.relays
        )
        gauge("projection_owned", "1 while a projector holds the lease", lambda seen: seen.owned)
        gauge(
            "dead_letters_waiting", "Records that wait to be replayed or dropped", lambda seen: seen.letters
        )

    def _sample(self, value: Callable[[Stood], float]) -> Sample:
        return lambda: {} if self._seen is None else {(): float(value(self._seen))}


def stuck(seen: Stood) -> str:
    """What is wrong when decisions wait."""
    told = f"{seen.waiting} decisions wait for the log, the first for {seen.waiting_s:.0f} s"
    if not seen.relays:
        return f"{told}, and no control plane publishes: start one, or look why none gets the relay's lock"
    return f"{told}, and the active control plane does not get them there: look at its log and at Kafka"
