"""One request on its raw connection, as a fault answers it: the bytes of its API, and the time they take.

It owns what every script needs and none of what goes wrong. Rule: content is given out once, piece by piece,
so that what comes after a fault goes on where the fault began. A stream of fixed bytes was dropped: a
Responses event has a number, and a client would see it skip.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Final

from interlock_testing.behaviour import Behaviour
from interlock_testing.misbehave import Peer
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.paths import voice_of
from interlock_testing.voices.voice import to_json

HEARD_S: Final = 20.0
"""A client that has not got content by then never will, and the fault goes on without it."""


class Line:
    """One request on its connection, and what a script needs to answer it."""

    def __init__(self, peer: Peer, provider: str, asked: Asked, *, slow_s: float) -> None:
        kind = voice_of(asked.path)
        self.peer = peer
        self.send = peer.send
        self.slow_s = slow_s
        self.model = asked.model
        self.streamed = asked.stream and kind.streamed
        self.heard = asyncio.Event()
        """The client has the first piece of content."""
        self._speak = partial(kind, provider, asked)
        self.voice = self._speak(Behaviour())
        self.pieces = self.voice.content()
        self.body = to_json(self.voice.whole())

    def head(self, *, length: int | None = None) -> bytes:
        """The head of a successful answer; without a length its body comes in chunks."""
        kind = "text/event-stream" if self.streamed else "application/json"
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        lines = [f"content-type: {kind}", framing, *(f"{k}: {v}" for k, v in self.voice.headers.items())]
        return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1")

    def refusal(self, status: int) -> Any:
        """The body of an error answer."""
        return self._speak(Behaviour(status=status)).refusal()

    def opening(self) -> bytes:
        """What a stream says before content."""
        return b"".join(self.voice.opening())

    def rest(self, *, sentinel: bool = True) -> bytes:
        """What a stream still has to say."""
        said = b"".join([*self.pieces, *self.voice.closing()])
        return said + (self.voice.sentinel if sentinel else b"")

    async def until_heard(self) -> None:
        """Wait for the client; a stream has content from here on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.heard.wait(), HEARD_S)

    async def slow(self) -> None:
        """Let time pass, less when the caller leaves."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.peer.gone(), self.slow_s)
