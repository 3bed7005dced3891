"""Who is told: the webhooks of the newest configuration, each with the decision that first named it.

Rule: webhooks come from the journal, which has them first and keeps them for ever; the state feed carries
only what gateways need, and a fold of the whole log would say the same later. A receiver is told of what
happened after the decision that named its address, never of the past, so one that is new or comes back
is not flooded. It is known to others by a name without its path, which may hold a secret.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

from msgspec import Struct, structs

from interlock_domain.catalog.key import Alert
from interlock_domain.events import ConfigApplied
from interlock_domain.recorded import CONFIG_STREAM, RecordedEvent

PAGE: Final = 200
NAMED: Final = 8
"""Hex digits: enough to tell the addresses of one configuration apart."""


class Decisions(Protocol):
    """What is asked of the journal."""

    async def read(self, *, after: int, limit: int, stream: str | None = None) -> Sequence[RecordedEvent]:
        """Decisions in order."""
        ...

    async def log_position(self, position: int, timeout_s: float) -> int | None:
        """Where the log holds one, once it does."""
        ...


class Receiver(Struct, frozen=True, kw_only=True):
    """One webhook. `since`: the log position of the decision that named it; `since_ms`: when that was."""

    alert: Alert
    since: int
    since_ms: int

    @property
    def name(self) -> str:
        """The host and a few digits of the address."""
        digits = hashlib.sha256(self.alert.url.encode()).hexdigest()[:NAMED]
        return f"{urlsplit(self.alert.url).hostname or 'receiver'}-{digits}"


class _Named(Struct, frozen=True):
    alert: Alert
    position: int
    recorded_ms: int


class Receivers:
    """Follows the configuration; `look` now and then."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._after = 0
        self._named: dict[str, _Named] = {}
        self._places: dict[int, int] = {}

    async def look(self) -> tuple[Receiver, ...]:
        """The receivers now; one whose decision the log does not hold yet comes with a later look."""
        while page := await self._decisions.read(after=self._after, limit=PAGE, stream=CONFIG_STREAM):
            self._fold(page)
        found: list[Receiver] = []
        for one in self._named.values():
            since = await self._place(one.position)
            if since is not None:
                found.append(Receiver(alert=one.alert, since=since, since_ms=one.recorded_ms))
        return tuple(found)

    def _fold(self, page: Sequence[RecordedEvent]) -> None:
        for recorded in page:
            self._after = recorded.position
            event = recorded.event
            if isinstance(event, ConfigApplied):
                fresh = {
                    alert.url: _Named(alert, recorded.position, recorded.recorded_ms)
                    for alert in event.alerts
                }
                for url, one in fresh.items():
                    if (known := self._named.get(url)) is not None:
                        fresh[url] = structs.replace(known, alert=one.alert)
                self._named = fresh

    async def _place(self, position: int) -> int | None:
        if position not in self._places:
            place = await self._decisions.log_position(position, 0)
            if place is None:
                return None
            self._places[position] = place
        return self._places[position]
