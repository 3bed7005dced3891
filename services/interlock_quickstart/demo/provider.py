"""A simulated provider of the demo: the one of the tests, with moods instead of faults.

Rule: the gateway reaches it over a real connection and cannot tell; what it answers is a function of its
mood, and it speaks every API that Interlock serves, so that whichever client somebody tries finds an answer.
Dropped: a second, smaller server for the demo; it spoke one API and was the one that people tried.
"""

import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock_quickstart.demo.schedule import Mood
from interlock_testing.behaviour import At, Behaviour, Kind
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.voices.asked import Asked

RETRY_AFTER_S: Final = 3
SENTENCE: Final = "This answer comes from {model} at the simulated provider {name}; no tokens were billed."


class Pace(Struct, frozen=True, kw_only=True):
    """How quick a provider is, in milliseconds."""

    first: float
    between: float


PACES: Final = {
    "atlas": Pace(first=50, between=8),
    "breeze": Pace(first=70, between=8),
    "cirrus": Pace(first=700, between=30),
}


class DemoProvider:
    """One provider; `mood` is asked at each request."""

    def __init__(self, name: str, mood: Callable[[], Mood]) -> None:
        self.name = name
        self._mood = mood
        self._cuts = 0
        self._simulated = SimulatedProvider(name)
        self._simulated.requests = deque(maxlen=0)  # nobody looks at them, and people send large ones
        self._simulated.heard = self._prepare

    async def start(self, listening: socket.socket) -> None:
        """Answer on this socket."""
        await self._simulated.start(listening=listening)

    async def stop(self) -> None:
        """Close the port and what is open."""
        await self._simulated.stop()

    def _prepare(self, asked: Asked) -> None:
        """The behaviour for this request, set before it is answered."""
        mood, pace = self._mood(), PACES[self.name]
        behaviour = Behaviour(
            says=SENTENCE.format(model=asked.model, name=self.name),
            latency_ms=pace.first,
            first_token_ms=pace.between,
            interval_ms=pace.between,
        )
        if mood is Mood.ERRORS:
            behaviour = replace(behaviour, kind=Kind.FAIL, status=500)
        elif mood is Mood.LIMITED:
            headers = {"retry-after": str(RETRY_AFTER_S)}
            behaviour = replace(behaviour, kind=Kind.FAIL, status=429, headers=headers)
        elif mood is Mood.CUT and asked.stream:
            # A cut stream breaks off before its first content, each third one after it.
            self._cuts += 1
            at = At.CONTENT if self._cuts % 3 == 0 else At.PREAMBLE
            behaviour = replace(behaviour, kind=Kind.CUT, at=at, after=3)
        self._simulated.behaviour = behaviour
