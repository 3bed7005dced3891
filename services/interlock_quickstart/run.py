"""The life of a quickstart: from the lock to the last checkpoint.

Rule: what starts in one order stops in the other, so each part has stopped before the one it needs. The
first signal begins the stop, the second ends the process; a refusal is a sentence and exit code 1. A
projection that stands still does not take the gateway down: it goes on from its last good snapshot.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Final

import uvloop

from interlock_control.commands import Accepted, Asked
from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.config import Config
from interlock_domain.catalog.decide import Rejected
from interlock_domain.catalog.declared import Declared
from interlock_domain.catalog.policy import TargetPolicy
from interlock_domain.projection.state import policy_of
from interlock_gateway.run import GatewayService
from interlock_quickstart.banner import Started, banner, where
from interlock_quickstart.bootstrap import Embedded, open_embedded, open_gateway, open_servers
from interlock_quickstart.choice import Apply, JournalWins, choose, is_demo
from interlock_quickstart.credentials import Credentials
from interlock_quickstart.demo.catalog import known_ports
from interlock_quickstart.demo.show import Demo
from interlock_quickstart.ground import Ground, Refused, prepare
from interlock_quickstart.listen import port_of
from interlock_quickstart.settings import Environment, Options, read_environment
from interlock_quickstart.story import Story
from interlock_runtime.kept import kept
from interlock_runtime.logging import set_up_logging
from interlock_runtime.process import settle_process
from interlock_runtime.serving import Serving
from interlock_runtime.shutdown import Shutdown
from interlock_runtime.sqlite_errors import StorageError

IDLE_S: Final = 0.3
"""For connections at the end, when only idle ones are left."""
DRAIN_S: Final = 1.0
"""What running requests get at the end: a Ctrl-C on a laptop is over within two seconds."""
FLUSH_S: Final = 0.5
ACTOR: Final = "quickstart"

_log = logging.getLogger(__name__)


def quickstart(options: Options) -> int:
    """Run until a signal; returns the exit code."""
    environment = read_environment()
    if isinstance(environment, tuple):
        return _refuse(map(str, environment))
    set_up_logging(environment.log_level)
    for variable in environment.misspelt:
        _log.warning("%s", variable)
    ground = prepare(options)
    if isinstance(ground, Refused):
        return _refuse(ground.lines)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(Quickstart(options, environment, ground).run())
    except StorageError as error:
        return _refuse([str(error)])
    finally:
        ground.release()


class Quickstart:
    """One run over the prepared ground."""

    def __init__(self, options: Options, environment: Environment, ground: Ground) -> None:
        self._options = options
        self._environment = environment
        self._ground = ground
        self._demo = Demo()
        self._serving: list[Serving] = []
        self._projecting: asyncio.Task[object] | None = None

    async def run(self) -> int:
        """Start, wait, stop."""
        shutdown = Shutdown()
        shutdown.install()
        async with AsyncExitStack() as stack:
            refused = await self._start(stack)
            if refused is not None:
                return _refuse(refused.lines)
            return await self._until(shutdown)

    async def _start(self, stack: AsyncExitStack) -> Refused | None:
        options, ground = self._options, self._ground
        self._story = Story(
            _say, monotonic=time.monotonic, policy_of=self._policy_of, where=where(options.data_dir)
        )
        parts = self._parts = await open_embedded(
            options.data_dir, effects=self._story.effects, hear=self._story.records
        )
        stack.push_async_callback(parts.close)
        credentials = Credentials(options.data_dir, self._environment.variables)
        brought = await self._bring(parts, credentials)
        stack.push_async_callback(self._demo.stop)
        if isinstance(brought, Refused):
            return brought
        halt = await parts.projector.start()
        if halt is not None:
            return Refused((halt.sentence,))
        self._projecting = asyncio.create_task(parts.projector.run())
        stack.push_async_callback(self._stop_projector)
        stack.push_async_callback(self._servers_closed)
        gateway = open_gateway(
            parts,
            data_dir=options.data_dir,
            gateway_id=self._environment.runtime.gateway_id,
            credentials=credentials,
            providers=brought.config.providers,
            variables=self._environment.variables,
            address=ground.gateway_url,
        )
        stack.push_async_callback(gateway.stop, drain_s=0.0, flush_s=FLUSH_S)
        await self._open_doors(stack, gateway)
        ground.data_dir.announce({"gateway": ground.gateway_url, "control": ground.control_url})
        _say("\n".join(banner(brought)))
        if brought.demo:
            await self._demo.start(port_of(ground.gateway))
            stack.push_async_callback(self._demo.hush)
        self._follow(stack, parts, credentials, gateway)
        return None

    def _follow(
        self, stack: AsyncExitStack, parts: Embedded, credentials: Credentials, gateway: GatewayService
    ) -> None:
        """What goes on beside the requests, until the end."""
        known = gateway.gateway.fingerprints
        for part, work in (
            ("upkeep", parts.upkeep.run),
            ("reading credentials", parts.plane.credentials.run),
            (
                "following credentials",
                lambda: credentials.follow(lambda: parts.projector.current()[0].catalog, known),
            ),
        ):
            stack.push_async_callback(_ended, asyncio.create_task(kept(work, part=part)))

    async def _bring(self, parts: Embedded, credentials: Credentials) -> Started | Refused:
        """The configuration that this start brings into force, applied to the journal."""
        declared = await parts.commands.declared()
        file, demo = self._ground.file, is_demo(declared, self._ground.file)
        raw = self._demo.open(known_ports(declared.providers.values())) if demo else {}
        choice = choose(declared, file, raw)
        config = choice.config if isinstance(choice, Apply) else declared.config()
        missing = credentials.missing(config.providers)
        refused = _unusable(config, missing) or await self._apply(parts, choice)
        if refused is not None:
            return refused
        return Started(
            gateway_url=self._ground.gateway_url,
            control_url=self._ground.control_url,
            data_dir=self._options.data_dir,
            config=config,
            source=self._source(declared, choice),
            demo=demo,
            drift=choice.drift if isinstance(choice, JournalWins) else None,
            missing=missing,
        )

    async def _apply(self, parts: Embedded, choice: Apply | JournalWins) -> Refused | None:
        if isinstance(choice, JournalWins):
            return None
        command = ApplyConfig(
            config=choice.config,
            digest=choice.digest,
            origin=choice.origin,
            allow_removal=self._options.allow_removal,
        )
        answer = await parts.commands.handle(command, Asked(actor=ACTOR, reason="start"))
        if isinstance(answer, Accepted):
            return None
        if isinstance(answer, Rejected):
            return Refused((f"{self._ground.file_name} is not applied: {answer.message}. {answer.hint}",))
        return Refused((f"{self._ground.file_name} is not applied ({answer}): start again",))

    def _source(self, declared: Declared, choice: Apply | JournalWins) -> str:
        if isinstance(choice, Apply):
            return f"{self._ground.file_name} applied as revision {declared.revision + 1}"
        if self._ground.file is not None and choice.drift is None:
            return f"{self._ground.file_name} (revision {declared.revision}, unchanged)"
        return f"revision {declared.revision} of the journal"

    async def _open_doors(self, stack: AsyncExitStack, gateway: GatewayService) -> None:
        """Serve both ports, the gateway from a snapshot that it holds already."""
        ground = self._ground
        if not await gateway.start():
            _log.warning("the gateway has no snapshot yet and answers 503 until it has")
        servers = open_servers(gateway, self._parts.plane, port=port_of(ground.gateway))
        for server, listening in zip(servers, (ground.gateway, ground.control), strict=True):
            self._serving.append(Serving(server, listening, grace_s=IDLE_S))
        for serving in self._serving:
            await serving.started()
            stack.callback(serving.close)
        settle_process()
        stack.push_async_callback(gateway.drain, DRAIN_S)
        stack.callback(self._parts.plane.stopping.set)

    async def _until(self, shutdown: Shutdown) -> int:
        """Until somebody wants the end, or a server ends by itself."""
        assert self._projecting is not None
        asked = asyncio.create_task(shutdown.wait())
        tasks: set[asyncio.Task[object]] = {asked, *(serving.task for serving in self._serving)}
        tasks.add(self._projecting)
        code = 0
        while True:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if asked in done:
                return code
            code = 1
            if self._projecting not in done:
                _say("a server ended unexpectedly: stopping")
                return code
            _say(f"the projection stands still: {self._parts.projector.status().halted}")

    async def _stop_projector(self) -> None:
        await self._parts.projector.stop()
        assert self._projecting is not None
        await self._projecting

    async def _servers_closed(self) -> None:
        await asyncio.gather(*(serving.closed() for serving in self._serving))

    def _policy_of(self, target: str) -> TargetPolicy:
        return policy_of(self._parts.projector.current()[0], target)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    (found,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(found, Exception):
        _log.error("%s had failed: %r", task.get_coro(), found)


def _unusable(config: Config, missing: dict[str, str]) -> Refused | None:
    """A start that could not answer a single request is refused, with everything that would help."""
    if not config.providers:
        return Refused(("the configuration declares no provider: add one below `providers`",))
    if len(missing) < len(config.providers):
        return None
    lines = [f"{provider}: {what_to_set}" for provider, what_to_set in missing.items()]
    return Refused(("no provider can be called, so nothing is started:", *lines))


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return 1


def _say(line: str) -> None:
    """One write to whoever watches; nobody does when the pipe is closed."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)
