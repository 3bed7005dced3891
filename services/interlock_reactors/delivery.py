"""Telling one receiver one thing: tries with growing pauses, and then a reason why not.

Rule: 2xx is told. 408, 429, 5xx and no answer at all are tried again, a bounded number of times, no sooner
than the receiver said (`Retry-After`, within reason); everything else is final at once, redirects included,
because a secret's signature goes to the address that was declared and nowhere else. A secret that is declared
and cannot be found holds everything back: an unsigned alert would be a lie. Dropped: trying for ever, which
makes one dead receiver's backlog the news of next week.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from interlock_domain.catalog.key import Alert
from interlock_domain.catalog.kinds.references import parse_reference
from interlock_reactors.alert import Notice
from interlock_reactors.signing import signed_headers
from interlock_runtime.secrets import MissingSecret, Secret, resolve

PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Six tries in half a minute: a receiver that is being deployed is back by then."""
LONGEST_S: Final = 60.0
"""Of a pause that the receiver asks for; longer ones would make the alert old news."""
LOOK_S: Final = 5.0
"""Between two looks for a secret that is missing; a file may appear."""
JITTER: Final = 0.2

Sleep = Callable[[float], Awaitable[None]]


class Answered(Struct, frozen=True, kw_only=True):
    """A receiver's answer; its body is of no interest."""

    status: int
    retry_after_s: float | None = None


class Unanswered(Exception):
    """No answer; a few words, without the address, which may hold a secret."""


class Poster(Protocol):
    """POST, without following redirects."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """The answer, or Unanswered."""
        ...


class Told(Struct, frozen=True):
    """The receiver took it."""

    tries: int


class Refused(Struct, frozen=True):
    """The receiver will never take it."""

    detail: str


class GaveUp(Struct, frozen=True):
    """It was tried often enough."""

    detail: str


class Delivery:
    """Delivers with the secrets of one process. `troubled` hears of a secret that is missing, None: found."""

    def __init__(
        self,
        poster: Poster,
        variables: Mapping[str, str],
        *,
        wall_s: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._poster = poster
        self._variables = variables
        self._wall_s = wall_s
        self._sleep = sleep
        self._chance = chance

    async def deliver(
        self, alert: Alert, notice: Notice, troubled: Callable[[str | None], None]
    ) -> Told | Refused | GaveUp:
        """What became of it; returns only when nothing more is to be tried."""
        detail = ""
        for tries, pause_s in enumerate((*PAUSES_S, None), start=1):
            headers = await self._headers(alert, notice, troubled)
            asked_s: float | None = None
            try:
                answered = await self._poster.post(alert.url, notice.body, headers)
            except Unanswered as error:
                detail = str(error)
            else:
                if 200 <= answered.status < 300:
                    return Told(tries)
                detail, asked_s = f"answered {answered.status}", answered.retry_after_s
                if not (answered.status in {408, 429} or answered.status >= 500):
                    return Refused(detail)
            if pause_s is not None:
                await self._sleep(self._pause(pause_s, asked_s))
        return GaveUp(f"{detail}, at the last of {len(PAUSES_S) + 1} tries")

    def _pause(self, pause_s: float, asked_s: float | None) -> float:
        jittered = pause_s * (1 + JITTER * (2 * self._chance() - 1))
        return max(jittered, min(asked_s or 0.0, LONGEST_S))

    async def _headers(
        self, alert: Alert, notice: Notice, troubled: Callable[[str | None], None]
    ) -> dict[str, str]:
        while isinstance(secret := self._secret(alert), MissingSecret):
            troubled(secret.message)
            await self._sleep(LOOK_S)
        troubled(None)
        signed = signed_headers(
            notice.id, notice.body, secret.value if secret else None, now_s=int(self._wall_s())
        )
        return {"content-type": "application/cloudevents+json; charset=utf-8"} | signed

    def _secret(self, alert: Alert) -> Secret | MissingSecret | None:
        ref = parse_reference(alert.secret) if alert.secret is not None else None
        return resolve(ref, self._variables) if ref is not None else None
