"""A running control plane with its projector, asked over real HTTP on a port of this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from interlock_control.app import build_app
from interlock_control.bootstrap import embedded_control, embedded_past
from interlock_control.plane import ControlPlane
from interlock_control.timemachine import LocalPast, Past
from interlock_domain.recorded import NewEvent
from interlock_projector.bootstrap import embedded_projector
from interlock_projector.clock import SystemClock
from interlock_projector.run import Projector
from interlock_testing.clock import FakeClock
from interlock_testing.waiting import until
from tests.services.facts import CONFIG_TEXT, Worker
from tests.services.stores import Stores

NAME = "routing-1"
PATIENCE_S = 30.0
"""For anything that this process does beside the test, on a busy machine."""


@dataclass
class Serving:
    """Everything a test may touch."""

    http: httpx2.AsyncClient
    stores: Stores
    plane: ControlPlane
    projector: Projector
    clock: FakeClock

    async def get(self, path: str, **query: Any) -> Any:
        """The document of a successful read."""
        answer = await self.http.get(f"/admin/v1{path}", params={k: str(v) for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """A write, whatever becomes of it; header names with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"/admin/v1{path}", json=body, headers=named)

    async def wrote(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The document of a successful write."""
        answer = await self.send(method, path, body, **headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def declare(self, text: str = CONFIG_TEXT) -> int:
        """Apply a configuration; the position, projected."""
        answer = await self.http.post("/admin/v1/config/apply", content=text, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text
        position = int(answer.json()["position"])
        assert await self.projector.wait_position(position, PATIENCE_S)
        return position

    async def tell(self, worker: Worker, *facts: NewEvent) -> int:
        """Publish facts; the position, projected."""
        position = await self.stores.log.publish(worker.stream, facts)
        assert await self.projector.wait_position(position, PATIENCE_S)
        return position

    async def target(self, id: str, **query: Any) -> dict[str, Any]:
        """One target out of the list."""
        found = [one for one in await self.get("/targets", **query) if one["id"] == id]
        return dict(found[0])


@asynccontextmanager
async def serving(stores: Stores, clock: FakeClock) -> AsyncIterator[Serving]:
    """Projector and control plane at work over the stores."""
    projector = embedded_projector(stores.log, stores.views, stores.feed)
    assert await projector.start() is None
    task = asyncio.create_task(projector.run())
    local: Past = LocalPast(stores.log, stores.views, NAME)
    past = local if stores.database is None else embedded_past(stores.path)
    plane = embedded_control(
        stores.log, stores.views, stores.records, projector, past=past, clock=ControlClock(clock)
    )
    async with listening(plane) as http:
        try:
            yield Serving(http=http, stores=stores, plane=plane, projector=projector, clock=clock)
        finally:
            await past.close()
            await projector.stop()
            await task


@asynccontextmanager
async def listening(plane: ControlPlane, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """The application on a server of its own."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    config = uvicorn.Config(build_app(plane, token), log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    served = asyncio.create_task(server.serve(sockets=[taken]))
    await until(lambda: server.started, timeout_s=PATIENCE_S, what="the server to listen")
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE_S) as http:
            yield http
    finally:
        server.should_exit = True
        await served
        taken.close()


class ControlClock:
    """Wall time of the test, monotonic time of the machine: waits are real, moments are not."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._machine = SystemClock()

    def wall_ms(self) -> int:
        return self._clock.wall_ms()

    def monotonic(self) -> float:
        return self._machine.monotonic()
