"""Light traffic for the demo: a client like any other, through the gateway's real port.

Rule: it uses nothing of the gateway but its address. Whole answers and streams alternate; an answer that
fails is no error here, because failing is what the demo shows.
"""

import asyncio
import contextlib
import json
from typing import Final

from interlock_quickstart.demo.catalog import POOL
from interlock_upstream.client import HttpClient
from interlock_upstream.errors import UpstreamFailed
from interlock_upstream.origin import Origin
from interlock_upstream.request import PhaseLimits, UpstreamRequest, build_head

EVERY_S: Final = 0.25
"""Four requests a second: enough for a trip within a second, little enough to leave the machine alone."""
LIMITS: Final = PhaseLimits(connect_s=2.0, headers_s=20.0)
IDLE_S: Final = 20.0


class Traffic:
    """Sends until it is stopped."""

    def __init__(self, port: int) -> None:
        self._origin, _ = Origin.parse(f"http://127.0.0.1:{port}")
        self._client = HttpClient()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """One request each `EVERY_S`, whatever the ones before it do."""
        loop = asyncio.get_running_loop()
        sent = 0
        began = loop.time()
        while True:
            task = loop.create_task(self._ask(stream=sent % 2 == 1))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * EVERY_S - loop.time()))

    async def stop(self) -> None:
        """Leave: running requests are given up as a client does that goes away."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.close()

    async def _ask(self, *, stream: bool) -> None:
        asked = {"model": POOL, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        body = json.dumps(asked).encode()
        head = build_head(
            b"POST",
            b"/v1/chat/completions",
            self._origin.authority,
            b"content-type: application/json\r\n",
            content_length=len(body),
        )
        with contextlib.suppress(UpstreamFailed):
            response = await self._client.send(UpstreamRequest(self._origin, head, body), LIMITS)
            try:
                while await response.next(IDLE_S) is not None:
                    continue
            finally:
                response.release()
