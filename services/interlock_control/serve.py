"""`interlock serve control`: one of any number of control planes of a cluster.

Rule: whatever may be refused is refused first, in one sentence and with exit code 1: a token that is missing,
a file with mistakes, a port that is taken, a schema that is behind. After that nothing that can come back
ends this process. The first signal makes it not ready and lets running requests finish, the second ends it.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from interlock_control.app import build_app
from interlock_control.bootstrap import ClusterControl, cluster_control
from interlock_control.commands import Accepted, Answer, Asked, CommandHandler
from interlock_control.token import unusable_token
from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.decide import Rejected, RejectedWhy
from interlock_runtime.config_file import LoadedConfig, load_config
from interlock_runtime.kafka.connection import Unreachable
from interlock_runtime.kept import kept
from interlock_runtime.listen import PortRefused, address_of, listen_on
from interlock_runtime.postgres import PostgresError
from interlock_runtime.process import settle_process
from interlock_runtime.serving import Serving, quiet_server
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.shutdown import Shutdown

ACTOR = "serve"
FILE = "file"
GRACE_S: Final = 4.0
"""A read that waits for its position takes 3 s and may still be answered."""

_log = logging.getLogger(__name__)


async def serve(
    settings: RuntimeSettings, *, port: int = 8081, host: str = "127.0.0.1", config: Path | None = None
) -> int:
    """Serve until a signal; returns the exit code."""
    shutdown = Shutdown()
    shutdown.install()
    refused = unusable(settings, host)
    if refused is not None:
        return _refuse([refused])
    file = load_config(config) if config is not None else None
    if file is not None and not isinstance(file, LoadedConfig):
        return _refuse(map(str, file))
    listening = listen_on(host, port)
    if isinstance(listening, PortRefused):
        return _refuse([listening.sentence])
    with listening:
        try:
            opened = await cluster_control(settings)
        except (PostgresError, Unreachable) as error:
            return _refuse([str(error)])
        try:
            return await _serve(opened, settings, listening, file=file, shutdown=shutdown)
        finally:
            await opened.close()


def unusable(settings: RuntimeSettings, host: str) -> str | None:
    """Why these settings make no control plane of a cluster; None when they do."""
    url = settings.database_url
    if url is None or not url.startswith("postgresql://"):
        return (
            "a control plane of a cluster keeps its decisions in PostgreSQL: set INTERLOCK_DATABASE_URL to "
            "postgresql://user@host:5432/database, or run `interlock quickstart` on one machine"
        )
    return unusable_token(host, settings.admin_token)


async def _serve(
    opened: ClusterControl,
    settings: RuntimeSettings,
    listening: socket.socket,
    *,
    file: LoadedConfig | None,
    shutdown: Shutdown,
) -> int:
    if file is not None:
        refused = await brought(opened.plane.commands, file)
        if refused is not None:
            return _refuse([refused])
    async with AsyncExitStack() as stack:
        for work in opened.run:
            stack.push_async_callback(
                _ended, asyncio.create_task(kept(work, part="a part of the control plane"))
            )
        app = build_app(opened.plane, settings.admin_token)
        answering = Serving(quiet_server(app, grace_s=GRACE_S), listening, grace_s=GRACE_S + 1)
        stack.push_async_callback(answering.stopped)
        await answering.started()
        settle_process()
        _log.info("the control plane answers at %s", address_of(listening))
        asked = asyncio.create_task(shutdown.wait())
        outlived = asyncio.ensure_future(opened.outlived())
        stack.push_async_callback(_ended, outlived)
        ends = (asked, outlived, answering.task)
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        opened.plane.stopping.set()
        if asked in done:
            return 0
        if outlived in done:
            return _refuse([outlived.result()])
        return _refuse(["the server ended unexpectedly: start this process again"])


async def brought(commands: CommandHandler, file: LoadedConfig) -> str | None:
    """Apply the file to an empty journal; any other journal wins. A sentence when it cannot be applied."""
    declared = await commands.declared()
    if declared.revision:
        if file.digest != declared.file_digest:
            _log.warning(
                "the file is not applied: the journal holds revision %d already and wins; "
                "`interlock apply -f FILE` applies it",
                declared.revision,
            )
        return None
    command = ApplyConfig(config=file.config, digest=file.digest, origin=FILE, base_revision=0)
    return _sentence(await commands.handle(command, Asked(actor=ACTOR, reason="first start")))


def _sentence(answer: Answer) -> str | None:
    match answer:
        case Accepted():
            return None
        case Rejected(reason=RejectedWhy.STALE_REVISION):
            return None  # another copy of this process was faster with it
        case Rejected():
            return f"the file is not applied: {answer.message}. {answer.hint}"
        case _:
            return f"the file is not applied ({answer}): start again"


async def _ended(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    return 1
