"""The head of a stream before its first content, for proxies that give up on a silent answer.

Rule (requirements C3): after `streams.head_after` without content the client gets status 200 and comments.
Other targets are tried as ever, but whatever goes wrong from then on is told in-band, since a status is sent
once; that is why the default is never. The headers name no target: which one will answer is not known yet.
One timer for each stream of a pool that asks for it; a request of another pool pays one comparison.
"""

import asyncio
from typing import Final

from interlock_gateway.answers import STREAM_HEADERS, own_headers, send_last_words
from interlock_gateway.exchange import Exchange
from interlock_gateway.heartbeat import COMMENT, Heartbeat
from interlock_protocols.failures.told import read_body

_NOT_KNOWN: Final = (b"x-interlock-target", b"x-interlock-attempts")


class EarlyHead:
    """Runs from the plan to the first content or the refusal. Times in seconds since the request began."""

    def __init__(self, x: Exchange, after_s: float, heartbeat_s: float) -> None:
        self._x = x
        self._heartbeat_s = heartbeat_s
        self._task: asyncio.Task[None] | None = None
        wait = max(0.0, x.started + after_s - x.gw.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._due)

    async def over(self) -> bool:
        """Nothing more goes out from here; whether the head has gone out."""
        self._timer.cancel()
        if self._task is not None:
            await asyncio.shield(self._task)  # half a head could not be followed by anything
        return self._task is not None

    def stop(self) -> None:
        """The request is over."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _due(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        x = self._x
        x.status = 200
        x.head_sent = True
        own = (pair for pair in own_headers(x) if pair[0] not in _NOT_KNOWN)
        headers = [(b"content-type", b"text/event-stream"), *STREAM_HEADERS, *own]
        if x.wire is None or not x.wire.start(headers, COMMENT):
            await x.send({"type": "http.response.start", "status": 200, "headers": headers})
            await x.send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        x.heartbeat = Heartbeat(x, self._heartbeat_s)


async def tell_refused(x: Exchange, status: int, body: bytes) -> None:
    """An upstream's refusal, inside a stream that has begun: its own words in the form of the API."""
    told = read_body(body)
    code = told.code or x.reason or "upstream_error"
    await send_last_words(x, status, code, told.message or f"the upstream answered with status {status}")
