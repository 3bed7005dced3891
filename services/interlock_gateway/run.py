"""A gateway's life: start what follows and reports, stop in the order that loses nothing.

Stop: no new requests, running ones get the drain time, then streams end by the in-band error and
abort and whole answers by 503; the rings are flushed, the last report sent.
"""

import asyncio
import contextlib
import logging
from typing import Final

from interlock_domain.events import SnapshotRejected
from interlock_domain.rows import CommitRow, version_text
from interlock_domain.snapshot.consistency import Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import Result
from interlock_gateway.app import Application
from interlock_gateway.exchange import WATCH_AFTER_S
from interlock_gateway.gateway import Gateway
from interlock_gateway.report import Reporter

_log = logging.getLogger(__name__)

END_S: Final = 0.5
"""How long interrupted requests may take to write their last words."""


class GatewayService:
    """One gateway replica. Serve `.app` with an ASGI server that cuts unfinished answers (uvicorn)."""

    def __init__(self, gw: Gateway, *, address: str = "") -> None:
        self._gw = gw
        self._reporter = Reporter(gw, address)
        self._tasks: list[asyncio.Task[None]] = []
        self.app = Application(gw)
        gw.follow.on_swap = self._swapped
        gw.follow.on_reject = self._rejected

    @property
    def gateway(self) -> Gateway:
        """The parts, for status pages and tests."""
        return self._gw

    async def start(self, *, ready_s: float = 5.0) -> bool:
        """Begin to follow and report; True when a snapshot is held within `ready_s`."""
        gw = self._gw
        gw.loop = asyncio.get_running_loop()
        gw.follow.load_file()
        self._reporter.report("start")
        loop = asyncio.get_running_loop()
        for work in (
            gw.follow.run(),
            gw.outcomes.run(),
            gw.records.run(),
            self._reporter.run(),
            self._watch(),
        ):
            self._tasks.append(loop.create_task(work))
        try:
            await asyncio.wait_for(gw.follow.ready.wait(), ready_s)
        except TimeoutError:
            return False
        return True

    def refuse_new(self) -> None:
        """From now on new requests are answered with 503."""
        self._gw.stopping = True

    async def stop(self, *, drain_s: float, flush_s: float) -> None:
        """End running requests, tell the log everything, close the connections."""
        gw = self._gw
        self.refuse_new()
        await self._wait_until_idle(drain_s)
        for x in list(gw.exchanges):
            x.interrupt(Result.SHUTDOWN)
        await self._wait_until_idle(END_S)
        self._reporter.count()
        self._reporter.report("stop")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(flush_s):
                await gw.outcomes.flush()
                await gw.records.flush()
        except Exception as failure:  # noqa: BLE001  stopping must end; what was lost is said
            _log.warning("stopped with %d facts not in the log: %s", len(gw.ring), failure)
        await gw.client.close()

    async def _wait_until_idle(self, limit_s: float) -> None:
        gw = self._gw
        if gw.exchanges:
            gw.idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gw.idle.wait(), limit_s)

    async def _watch(self) -> None:
        # One sweep for all requests: a timer or a task for each would be paid by the short ones too.
        gw = self._gw
        while True:
            await asyncio.sleep(WATCH_AFTER_S)
            old = gw.monotonic() - WATCH_AFTER_S
            for x in list(gw.exchanges):
                if x.started < old and x.request is not None:
                    x.watch()

    def _swapped(self, before: Snapshot | None, after: Snapshot) -> None:
        self._gw.local.swapped(before, after, self._gw.monotonic() * 1000)

    def _rejected(self, commit: CommitRow, why: Inconsistent) -> None:
        self._gw.ring.put(
            SnapshotRejected(
                version=version_text(commit.generation, commit.position),
                digest=commit.digest,
                reason=str(why),
            ),
            self._gw.monotonic() * 1000,
        )
        self._gw.outcomes.wake()
