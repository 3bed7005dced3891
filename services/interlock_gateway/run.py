"""A gateway's life: start what follows and reports, stop in the order that loses nothing.

Stop: no new requests, running ones get the drain time, then streams end by the in-band error and
abort and whole answers by 503; the rings are flushed, the last report sent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from interlock_domain.catalog.policy import ServerLimits
from interlock_domain.events import SnapshotRejected
from interlock_domain.rows import CommitRow, version_text
from interlock_domain.snapshot.consistency import Inconsistent
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import Result
from interlock_gateway.app import Application
from interlock_gateway.gateway import Gateway
from interlock_gateway.report import Reporter
from interlock_runtime.kept import kept

_log = logging.getLogger(__name__)

END_S: Final = 0.5
"""How long interrupted requests may take to write their last words."""


Learn = Callable[[Snapshot, dict[str, str]], bool]
"""Brings provider -> fingerprint up to a snapshot; True when there is something new to report."""


class GatewayService:
    """One gateway replica. Serve `.app` with an ASGI server that cuts unfinished answers (uvicorn)."""

    def __init__(self, gw: Gateway, *, address: str = "", learn: Learn | None = None) -> None:
        self._gw = gw
        self._learn = learn
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
        for part, work in (
            ("following the state feed", gw.follow.run),
            ("sending facts", gw.outcomes.run),
            ("sending request records", gw.records.run),
            ("reporting", self._reporter.run),
        ):
            self._tasks.append(asyncio.create_task(kept(work, part=part)))
        try:
            await asyncio.wait_for(gw.follow.ready.wait(), ready_s)
        except TimeoutError:
            return False
        return True

    def refuse_new(self) -> None:
        """From now on new requests are answered with 503."""
        self._gw.stopping = True

    def drain_s(self) -> float:
        """What `server.drain` gives running requests at the end, by the snapshot in force."""
        held = self._gw.follow.held
        return (held.snapshot.catalog.server if held else ServerLimits()).drain_ms / 1000

    async def drain(self, limit_s: float) -> None:
        """Refuse new requests and wait for the running ones; the server must go on to accept meanwhile."""
        self.refuse_new()
        await self._wait_until_idle(limit_s)

    async def stop(self, *, drain_s: float, flush_s: float) -> None:
        """End running requests, tell the log everything, close the connections."""
        gw = self._gw
        await self.drain(drain_s)
        for x in list(gw.exchanges):
            x.interrupt(Result.SHUTDOWN)
        await self._wait_until_idle(END_S)
        self._reporter.count()
        self._reporter.report("stop")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush(flush_s)
        await gw.client.close()
        if gw.traces is not None:
            await gw.traces.close()

    async def _flush(self, limit_s: float) -> None:
        """Send what the rings hold, both at once: one that cannot must not cost the other its time."""
        gw = self._gw
        found: Sequence[object] = ()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                found = await asyncio.gather(gw.outcomes.flush(), gw.records.flush(), return_exceptions=True)
        if len(gw.ring) or len(gw.records):
            why = next((one for one in found if isinstance(one, Exception)), f"no answer in {limit_s:g} s")
            _log.warning(
                "stopped with %d facts and %d request records unsent: %s", len(gw.ring), len(gw.records), why
            )

    async def _wait_until_idle(self, limit_s: float) -> None:
        gw = self._gw
        if gw.exchanges:
            gw.idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gw.idle.wait(), limit_s)

    def _swapped(self, before: Snapshot | None, after: Snapshot) -> None:
        origins = after.catalog.server.cors_origins
        if before is None or before.catalog.server.cors_origins != origins:
            self.app.allow_origins(origins)
        # Fingerprints first: no request is routed by this snapshot before the log will know of them.
        if self._learn is not None and self._learn(after, self._gw.fingerprints) and self._tasks:
            self._reporter.report("running")
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
