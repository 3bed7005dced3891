"""The processes of one cell: each started by the command that people type, with the environment they set.

Rule: a process is told everything by its command line and INTERLOCK_ variables, has a folder of its own, and
is asked over HTTP alone. What the machine's own environment says of Interlock never reaches it.
"""

import os
import sys
from pathlib import Path
from typing import Any, Final, Self

import httpx2
from msgspec import Struct

from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_testing.running import asking
from interlock_testing.waiting import ServerProcess, free_port, until

PREFIX: Final = "INTERLOCK_"
START_S: Final = 60.0
"""Imports on a busy machine take seconds."""
STOP_S: Final = 60.0
"""What is killed for being slow has not ended cleanly, and that is asked of it."""
TOKEN: Final = "a-token-of-this-run"


class Part(ServerProcess):
    """One service, with the patience of a busy machine."""

    async def start(self, *, timeout_s: float = START_S) -> None:
        """See ServerProcess."""
        await super().start(timeout_s=timeout_s)

    async def stop(self, *, timeout_s: float = STOP_S) -> int:
        """See ServerProcess."""
        return await super().stop(timeout_s=timeout_s)


class Cell(Struct, frozen=True, kw_only=True):
    """Where the services of one cell meet."""

    folder: Path
    bootstrap: tuple[str, ...]
    topics: Topics
    database_url: str | None = None

    @property
    def connection(self) -> KafkaConnection:
        """How to reach its broker."""
        return KafkaConnection(bootstrap=self.bootstrap)

    def environment(self, name: str, **more: str) -> dict[str, str]:
        """The whole environment of the process of that name."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        given = {
            "KAFKA_BOOTSTRAP": ",".join(self.bootstrap),
            "TOPIC_PREFIX": self.topics.prefix,
            "DATA_DIR": str(self.folder / name),
            "ADMIN_TOKEN": TOKEN,
            **({"DATABASE_URL": self.database_url} if self.database_url else {}),
        }
        return inherited | {PREFIX + key: value for key, value in given.items()} | more

    def process(self, name: str, service: str, *words: str, port: int, **more: str) -> ServerProcess:
        """`interlock serve <service>`, not started."""
        command = [sys.executable, "-m", "interlock_cli", "serve", service, "--port", str(port), *words]
        return Part(
            command,
            url=f"http://127.0.0.1:{port}/healthz",
            log_path=self.folder / f"{name}.log",
            env=self.environment(name, **more),
        )

    def gateway(
        self, name: str, *, workers: int = 1, port: int | None = None, **more: str
    ) -> "GatewayProcess":
        """A gateway of that id, not started; `more` are further variables."""
        port = port or free_port()
        words = ("--workers", str(workers)) if workers > 1 else ()
        more = {f"{PREFIX}GATEWAY_ID": name} | more
        return GatewayProcess(name, port, self.process(name, "gateway", *words, port=port, **more))

    def projector(self, name: str) -> ServerProcess:
        """A projector, not started."""
        return self.process(name, "projector", port=free_port())

    def control(self, name: str, *words: str) -> "ControlProcess":
        """A control plane, not started."""
        port = free_port()
        return ControlProcess(f"http://127.0.0.1:{port}", self.process(name, "control", *words, port=port))


class GatewayProcess:
    """One gateway, and a client of it."""

    def __init__(self, name: str, port: int, process: ServerProcess) -> None:
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=20, trust_env=False)

    async def start(self) -> None:
        """Start, and wait until it listens."""
        await self.process.start()

    async def ready(self) -> None:
        """Until it holds a snapshot."""
        await until(self.is_ready, timeout_s=START_S, what=f"{self.name} to be ready")

    async def chat(self, model: str = "chat", **fields: Any) -> httpx2.Response:
        """A whole answer to a short request."""
        return await self.http.post("/v1/chat/completions", content=asking(model, **fields))

    async def close(self) -> None:
        """Stop it, and the client."""
        await self.http.aclose()
        await self.process.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def is_ready(self) -> bool:
        """Whether it holds a snapshot."""
        return (await self.http.get("/readyz")).status_code == 200


class ControlProcess:
    """One control plane, and a client with its token; paths are below /admin/v1."""

    def __init__(self, url: str, process: ServerProcess) -> None:
        self.url = url
        self.process = process
        self.http = httpx2.AsyncClient(
            base_url=f"{url}/admin/v1",
            timeout=30,
            trust_env=False,
            headers={"authorization": f"Bearer {TOKEN}"},
        )

    async def start(self) -> None:
        """Start, and wait until it listens."""
        await self.process.start()

    async def close(self) -> None:
        """Stop it, and the client."""
        await self.http.aclose()
        await self.process.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
