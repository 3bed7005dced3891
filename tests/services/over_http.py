"""A control plane on a port of this machine, over memory, for those who have nothing but HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from interlock_control.app import build_app
from interlock_control.bootstrap import embedded_control
from interlock_control.plane import ControlPlane
from interlock_control.timemachine import LocalPast
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.shared import SharedFeed
from interlock_projector.bootstrap import embedded_projector
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_runtime.listen import PortRefused, address_of, listen_on
from interlock_runtime.serving import Serving, quiet_server
from interlock_testing.clock import FakeClock
from interlock_views.adapters.memory import MemoryViews

TOKEN = "a-token-of-this-test"


@dataclass
class OverHttp:
    """What answers, and what stands behind it: the log and the feed are the test's to write."""

    url: str
    plane: ControlPlane
    log: Any
    feed: MemoryFeed


@asynccontextmanager
async def over_http(
    *, log: Any = None, feed: MemoryFeed | None = None, port: int = 0, away: tuple[type[Exception], ...] = ()
) -> AsyncIterator[OverHttp]:
    """A control plane without a projector; `away` is what its log raises when it cannot be reached."""
    log, feed, views = log or MemoryEventLog(FakeClock().wall_ms), feed or MemoryFeed(), MemoryViews()
    routing = embedded_projector(log, views, feed)
    past = LocalPast(log, views, "routing-1")
    plane = embedded_control(log, views, MemoryRequestRecords(), routing, past=past, feed=feed)
    plane = replace(plane, away=away)
    listening = listen_on("127.0.0.1", port)
    assert not isinstance(listening, PortRefused), listening
    answering = Serving(quiet_server(build_app(plane, TOKEN)), listening)
    await answering.started()
    try:
        yield OverHttp(url=address_of(listening), plane=plane, log=log, feed=feed)
    finally:
        plane.stopping.set()
        await answering.stopped()
        assert isinstance(plane.feed, SharedFeed)
        await plane.feed.close()
        await past.close()
        listening.close()
