"""Comments on a committed stream that has been silent, so that proxies keep it open.

A comment ends with a single newline: with a blank line several SDK generations fail to parse the
next event. One timer per stream, re-armed lazily: a busy stream costs two attribute reads a period.
Rival: a task per stream that sleeps; it costs a wake-up for each period of every stream.
"""

import asyncio
from typing import Final

from interlock_gateway.exchange import Exchange

COMMENT: Final = b": keep-alive\n"


LOOKS: Final = 4
"""Looks in a period: a comment comes after one to one and a quarter periods of silence."""


class Heartbeat:
    """Runs from the commit to the end of one stream. `period_s` is the silence before a comment."""

    def __init__(self, x: Exchange, period_s: float) -> None:
        self._x = x
        self._pause_s = period_s / LOOKS
        self._quiet = 0
        self._seen = -1
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._due)

    def stop(self) -> None:
        """No comment goes out after this."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        x = self._x
        self._quiet = self._quiet + 1 if self._seen == x.bytes_out else 0
        self._seen = x.bytes_out
        if self._quiet >= LOOKS and x.result is None and (self._task is None or self._task.done()):
            self._quiet = 0
            self._task = loop.create_task(self._beat())
        self._timer = loop.call_later(self._pause_s, self._due)

    async def _beat(self) -> None:
        await self._x.send({"type": "http.response.body", "body": COMMENT, "more_body": True})
