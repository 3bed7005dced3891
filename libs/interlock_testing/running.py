"""A running loop: log, projector, feed and gateways in one process, asked over real sockets.

It owns the wiring that every end-to-end test needs. Rule: only the stores are in memory; the projector folds
for real, the gateway serves for real, and a configuration is YAML that the domain decides about. A gateway
object called without a server was dropped: half of what breaks, breaks between it and the socket.

    async with SimulatedProvider("atlas") as atlas, running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat()
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2
from msgspec import Struct, field

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.catalog.commands import ApplyConfig, Command
from interlock_domain.catalog.decide import Rejected, decide
from interlock_domain.catalog.declared import Declared, evolve_declared
from interlock_domain.catalog.provider import SecretRef
from interlock_domain.projection.effects import Effect
from interlock_domain.recorded import NewEvent
from interlock_domain.rows import TargetRow
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.log import Appended, EventLog, StreamAppend
from interlock_feed.adapters.file import SnapshotFile
from interlock_feed.adapters.memory import MemoryFeed
from interlock_feed.feed import FeedReader
from interlock_gateway.bootstrap import GatewayPorts, build_gateway
from interlock_gateway.identity import new_identity
from interlock_gateway.run import GatewayService
from interlock_gateway.server import gateway_server
from interlock_projector.bootstrap import embedded_projector
from interlock_projector.run import Projector
from interlock_records.adapters.memory import MemoryRequestRecords
from interlock_records.records import RequestRecords
from interlock_runtime.config_file import LoadedConfig, load_text
from interlock_testing.waiting import until
from interlock_upstream.port import UpstreamClient
from interlock_views.adapters.memory import MemoryViews

Fact = TypeVar("Fact")

if TYPE_CHECKING:
    from interlock_runtime.telemetry.export import Telemetry

CHAT: Final = "/v1/chat/completions"
FLUSH_S: Final = 20.0


class NotDeclared(Exception):
    """A configuration or command that the domain refuses, in its words: a mistake in the test."""


def wall_ms() -> int:
    """Wall clock in ms: the time of the log."""
    return time.time_ns() // 1_000_000


def declaring(
    providers: Mapping[str, str], *, pools: str | None = None, policy: str = "{}", more: str = ""
) -> str:
    """A configuration of providers (name -> base URL) without credentials.

    Without `pools` there is one, `chat`, of `<provider>/large` in the given order. `pools` and `policy` are
    YAML in one line, `more` whole sections.
    """
    lines = [f"  {name}: {{base_url: {url}, api_key: none}}" for name, url in providers.items()]
    members = ", ".join(f"{name}/large" for name in providers)
    pools = f"{{chat: [{members}]}}" if pools is None else pools
    return "\n".join(["providers:", *lines, f"pools: {pools}", f"policy: {policy}", more])


class GatewayOptions(Struct, kw_only=True):
    """What a gateway has of its own; None: the loop's."""

    log: EventLog | None = None
    feed: FeedReader | None = None
    records: RequestRecords | None = None
    client: UpstreamClient | None = None
    snapshot_file: Path | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    """Name of an environment variable -> credential."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    ready_s: float = 30.0
    telemetry: "Telemetry | None" = None


class Served:
    """One gateway on a port of this machine."""

    def __init__(self, service: GatewayService, port: int) -> None:
        self.service = service
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=20, verify=False)  # no TLS here

    async def chat(self, model: str = "chat", **fields: Any) -> httpx2.Response:
        """A whole answer to a short request; `fields` are added to its body."""
        return await self.http.post(CHAT, content=asking(model, **fields))


def asking(model: str = "chat", **fields: Any) -> bytes:
    """The body of a short request."""
    messages = [{"role": "user", "content": "Say hello"}]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


class RunningLoop:
    """The stores, the projector and the gateways over them; `gateway` is the first one."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(wall_ms)
        self.views = MemoryViews()
        self.feed = MemoryFeed()
        self.records = MemoryRequestRecords()
        self.gateway: Served
        self._declared = Declared()
        self._commands = 0
        self._projector: Projector | None = None
        self._projecting: asyncio.Task[Any] | None = None

    @property
    def url(self) -> str:
        """Where the first gateway is."""
        return self.gateway.url

    @property
    def http(self) -> httpx2.AsyncClient:
        """A client of the first gateway."""
        return self.gateway.http

    async def chat(self, model: str = "chat", **fields: Any) -> httpx2.Response:
        """A whole answer of the first gateway."""
        return await self.gateway.chat(model, **fields)

    async def apply(self, text: str, *, allow_removal: bool = False) -> int:
        """Declare a configuration; the position of its last event."""
        loaded = load_text(text)
        if not isinstance(loaded, LoadedConfig):
            raise NotDeclared("\n".join(map(str, loaded)))
        config = loaded.config
        return await self.command(
            ApplyConfig(config=config, digest=loaded.digest, origin="file", allow_removal=allow_removal)
        )

    async def command(self, command: Command) -> int:
        """Append what the domain decides; the position of the last event."""
        decided = decide(self._declared, command)
        if isinstance(decided, Rejected):
            raise NotDeclared(f"{decided.message}. {decided.hint}")
        self._commands += 1
        appends = []
        for n, part in enumerate(decided):
            ids = [f"command-{self._commands}.{n}.{i}" for i in range(len(part.events))]
            events = tuple(
                NewEvent(id=name, event=event, actor="test")
                for name, event in zip(ids, part.events, strict=True)
            )
            appends.append(StreamAppend(stream=part.stream, expected_version=None, events=events))
        appended = await self.log.append(appends)
        if not isinstance(appended, Appended):
            raise TypeError(f"nobody else decides here: {appended}")
        for part in decided:
            for event in part.events:
                self._declared = evolve_declared(self._declared, event)
        return appended.position

    async def resume(self) -> None:
        """Project (again)."""
        self._projector = embedded_projector(self.log, self.views, self.feed)
        halt = await self._projector.start()
        if halt is not None:
            raise RuntimeError(halt.sentence)
        self._projecting = asyncio.create_task(self._projector.run())

    async def pause(self) -> None:
        """Fold to the head, then stand still: the feed falls silent."""
        if self._projector is not None and self._projecting is not None:
            await self._projector.stop()
            await self._projecting
            self._projector = None

    async def settle(self) -> None:
        """Until the first gateway holds a snapshot of everything in the log now."""
        head = await self.log.head()
        follow = self.gateway.service.gateway.follow
        await until(
            lambda: follow.held is not None and follow.held.snapshot.position >= head,
            what=f"the gateway to hold position {head}",
        )

    async def facts(self, kind: type[Fact]) -> list[Fact]:
        """The events of a type that are in the log, oldest first."""
        recorded = await self.log.read(after=0, limit=1_000_000)
        return [one.event for one in recorded if isinstance(one.event, kind)]

    async def effects(self, kind: str) -> list[Effect]:
        """What the fold observed of that kind, oldest first."""
        return [one for one in await self.views.transitions(limit=100_000) if one.kind == kind]

    async def record(self, answer: httpx2.Response | str) -> RequestRecord:
        """The terminal record of a request, as soon as it is there."""
        request_id = answer if isinstance(answer, str) else answer.headers["x-request-id"]

        async def there() -> RequestRecord | None:
            await self.gateway.service.gateway.records.flush()
            return await self.records.get(request_id)

        found: RequestRecord = await until(there, what=f"record {request_id}")
        return found

    def row(self, target: str) -> TargetRow | None:
        """What the first gateway's snapshot says of a target."""
        held = self.gateway.service.gateway.follow.held
        return None if held is None else held.snapshot.dynamic.targets.get(target)

    @asynccontextmanager
    async def serving(
        self, gateway_id: str = "gw-1", options: GatewayOptions | None = None
    ) -> AsyncIterator[Served]:
        """One more gateway over the same log and feed."""
        service = self.build(gateway_id, options or GatewayOptions())
        await service.start(ready_s=(options or GatewayOptions()).ready_s)
        async with served(service) as gateway:
            yield gateway

    def build(self, gateway_id: str, options: GatewayOptions) -> GatewayService:
        """The same, not started and on no port."""
        ports = GatewayPorts(
            log=options.log or self.log,
            feed=options.feed or self.feed,
            records=options.records or self.records,
            snapshot_file=SnapshotFile(options.snapshot_file) if options.snapshot_file else None,
            client=options.client,
        )

        def secret_of(ref: SecretRef) -> str | None:
            return options.secrets.get(ref.env or "")

        return build_gateway(
            ports,
            identity=new_identity(gateway_id),
            secret_of=secret_of,
            fingerprints=options.fingerprints,
            telemetry=options.telemetry,
        )


@asynccontextmanager
async def served(service: GatewayService) -> AsyncIterator[Served]:
    """A started gateway on a free port; stopped with what it still does at the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    server = gateway_server(service.app, host="127.0.0.1", port=port)
    # `serve` looks each 100 ms whether it should end, and waits as long again: a minute of a suite's time.
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listening])
    gateway = Served(service, port)
    try:
        yield gateway
    finally:
        await gateway.http.aclose()
        await service.stop(drain_s=0.0, flush_s=FLUSH_S)
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await until(lambda: not server.server_state.connections, what="the connections to be closed")


@asynccontextmanager
async def running(
    config: str | None = None,
    *,
    gateway_id: str = "gw-1",
    options: GatewayOptions | None = None,
    project: bool = True,
) -> AsyncIterator[RunningLoop]:
    """A loop with one gateway; `config` None: nothing was declared yet. `project` False: no projector."""
    loop = RunningLoop()
    service = loop.build(gateway_id, options or GatewayOptions())
    async with AsyncExitStack() as stack:
        if config is not None:
            await loop.apply(config)
        applied = await loop.log.head()
        starting = asyncio.create_task(service.start(ready_s=(options or GatewayOptions()).ready_s))
        if project:
            # Projected after the gateway's first report, the first snapshot holds everything there is.
            await loop.log.wait(applied, 30.0)
            await loop.resume()
            stack.push_async_callback(loop.pause)
        await starting
        loop.gateway = await stack.enter_async_context(served(service))
        if config is not None and project:
            await loop.settle()
        yield loop
