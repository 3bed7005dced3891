"""Control planes of one cell over real Kafka and PostgreSQL, each asked over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from interlock_control.app import build_app
from interlock_control.bootstrap import ClusterControl, cluster_control
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.listen import PortRefused, address_of, listen_on
from interlock_runtime.serving import Serving, quiet_server
from interlock_runtime.settings import RuntimeSettings
from interlock_testing.waiting import until
from tests.services.facts import CONFIG_TEXT

PATIENCE_S = 60.0
"""For anything that real services do on a busy machine."""


def settings_of(
    bootstrap: tuple[str, ...], topics: Topics, database_url: str, **more: Any
) -> RuntimeSettings:
    """The settings of one control process of this cell."""
    return RuntimeSettings(
        gateway_id="test",
        kafka_bootstrap=bootstrap,
        topic_prefix=topics.prefix,
        database_url=database_url,
        **more,
    )


@dataclass
class Control:
    """One of them."""

    http: httpx2.AsyncClient
    opened: ClusterControl

    async def get(self, path: str, **query: Any) -> Any:
        """The document of a successful read."""
        answer = await self.http.get(f"/admin/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def wrote(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The document of a successful write."""
        answer = await self.http.request(method, f"/admin/v1{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def shows(self, position: str) -> None:
        """Until a read finds this position: each waits 3 s for it, a busy machine may take longer."""

        async def shown() -> bool:
            answer = await self.http.get("/admin/v1/targets", params={"min_position": position})
            assert answer.status_code in {200, 503}, answer.text
            return answer.status_code == 200

        await until(shown, timeout_s=PATIENCE_S, what=f"position {position} to be shown")

    async def declare(self, text: str = CONFIG_TEXT) -> str:
        """Apply a configuration; the position of the answer."""
        answer = await self.http.post("/admin/v1/config/apply", content=text, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["position"])


@asynccontextmanager
async def control(settings: RuntimeSettings) -> AsyncIterator[Control]:
    """One control plane at work."""
    opened = await cluster_control(settings)
    tasks = [asyncio.create_task(_run(work)) for work in opened.run]
    listening = listen_on("127.0.0.1", 0)
    assert not isinstance(listening, PortRefused)
    answering = Serving(quiet_server(build_app(opened.plane, settings.admin_token)), listening)
    await answering.started()
    headers = {"authorization": f"Bearer {settings.admin_token}"} if settings.admin_token else {}
    try:
        async with httpx2.AsyncClient(
            base_url=address_of(listening), timeout=PATIENCE_S, headers=headers, trust_env=False
        ) as http:
            yield Control(http=http, opened=opened)
    finally:
        await answering.stopped()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await opened.close()
        listening.close()


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
