"""Comments on a committed stream that has been silent, so that proxies keep it open.

A comment ends with a single newline: with a blank line several SDK generations fail to parse the
next event. One timer per stream, re-armed lazily: a busy stream costs two attribute reads a period.
Rival: a task per stream that sleeps; it costs a wake-up for each period of every stream.
"""

import asyncio
from typing import Final

from interlock_gateway.exchange import Exchange

COMMENT: Final = b": keep-alive\n"


class Heartbeat:
    """Runs from the commit to the end of one stream. `period_s` is the silence before a comment."""

    def __init__(self, x: Exchange, period_s: float) -> None:
        self._x = x
        self._period_s = period_s
        self._seen = -1
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(period_s, self._due)

    def stop(self) -> None:
        """No comment goes out after this."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        if self._seen == self._x.bytes_out and (self._task is None or self._task.done()):
            self._task = loop.create_task(self._beat())
        self._seen = self._x.bytes_out
        self._timer = loop.call_later(self._period_s, self._due)

    async def _beat(self) -> None:
        await self._x.send({"type": "http.response.body", "body": COMMENT, "more_body": True})
