"""compose.yaml without containers: `docker compose` lines, answered by processes of this machine.

Rule: what a runbook tells people to type is run as it stands, by a shell; only the word `docker` is ours. It
asks this process over a socket what to do: services are started and stopped here, and a command that would
run inside a container becomes a process with that container's environment. What is not used by a runbook is
refused, so that no line passes because nobody looked at it.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from msgspec import Struct

from interlock_runtime.kafka.connection import KafkaConnection, Topics
from interlock_testing.services.cells import fresh_topics
from interlock_testing.services.kafka import KafkaCluster
from interlock_testing.services.postgres import PostgresServer
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    LocalKafka,
    LocalPostgres,
    Missing,
    find_local_kafka,
    find_local_postgres,
)
from tests.system.composed import Composed, Here

USER: Final = "interlock"
"""Role and database of compose.yaml."""
TOKEN: Final = "a-token-of-this-run"
GIVEN: Final = {"INTERLOCK_ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": "sk-of-this-run"}
LINE_S: Final = 180.0
"""For one block of a runbook, on a machine that does other things too."""
FOUNDATIONS: Final = ("kafka", "postgres")

_SHIM: Final = """#!{python}
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({socket!r})
    line.sendall(json.dumps(sys.argv[1:]).encode())
    line.shutdown(socket.SHUT_WR)
    told = json.loads(b"".join(iter(lambda: line.recv(65536), b"")))
if told["command"]:
    os.execvpe(told["command"][0], told["command"], told["environment"])
print(told["says"], file=sys.stderr)
sys.exit(told["code"])
"""


class Reply(Struct, kw_only=True):
    """What `docker` does: run a command, or end with a code."""

    command: list[str] = []
    environment: dict[str, str] = {}
    code: int = 0
    says: str = ""


class Ran(Struct, frozen=True, kw_only=True):
    """A block that was run; `out` holds what it said on both channels."""

    code: int
    out: str


class ComposedCell:
    """A broker and a server of its own, and the services of the file over them."""

    def __init__(self, here: Here, *, kafka: KafkaCluster, postgres: PostgresServer, programs: Path) -> None:
        self.here = here
        self.kafka = kafka
        self.postgres = postgres
        self.services: dict[str, Composed] = {}
        self._programs = programs
        self._running = {*FOUNDATIONS}

    @property
    def connection(self) -> KafkaConnection:
        """How to reach its broker."""
        return KafkaConnection(bootstrap=self.here.bootstrap)

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return Topics(self.here.topic_prefix)

    async def start(self, names: Sequence[str]) -> None:
        """Start services, and wait until they are healthy; one that keeps its name keeps its port."""
        for name in names:
            if name not in FOUNDATIONS and name not in self.services:
                self.services[name] = self.here.process(name, GIVEN)
        await asyncio.gather(*(self._start(name) for name in names if name not in self._running))

    async def stop(self, names: Sequence[str]) -> None:
        """Stop services as compose does."""
        await asyncio.gather(*(self._stop(name) for name in names if name in self._running))

    async def run(self, block: str) -> Ran:
        """A block of a runbook, as a shell runs it."""
        environment = {
            "PATH": f"{self.here.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.here.folder),
        }
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", block,
            cwd=self.here.folder, env=environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LINE_S):
                out, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            return Ran(code=-1, out=f"not done in {LINE_S:g} s")
        return Ran(code=process.returncode or 0, out=out.decode(errors="replace"))

    async def answer(self, words: Sequence[str]) -> Reply:
        """One `docker` line."""
        match list(words):
            case ["compose", "stop", *names]:
                await self.stop(names)
            case ["compose", "restart", *names]:
                await self.stop(names)
                await self.start(names)
            case ["compose", "up", "-d", "--wait", "--no-deps", *names]:
                if "--force-recreate" in names:
                    names.remove("--force-recreate")
                    await self.stop(names)
                await self.start(names)
            case ["compose", "exec", "-T", service, *command] if service in self._running:
                return self._inside(service, command)
            case ["compose", "run", "--rm", "migrate", *command]:
                return self._interlock("migrate", command)
            case _:
                return Reply(code=125, says=f"no such line, or it does not run: docker {' '.join(words)}")
        return Reply()

    def _inside(self, service: str, command: Sequence[str]) -> Reply:
        if service == "postgres":
            host, _, port = self.postgres.url.rpartition("/")[0].rpartition("@")[2].rpartition(":")
            environment = {"PATH": f"{self._programs}:/usr/bin:/bin", "PGHOST": host, "PGPORT": port}
            return Reply(command=list(command), environment=environment)
        if service in self.services and command[0] == "interlock":
            return self._interlock(service, command[1:])
        return Reply(code=125, says=f"nothing of {service} is here but `interlock`")

    def _interlock(self, service: str, words: Sequence[str]) -> Reply:
        environment = self.here.environment(service, GIVEN)
        if "INTERLOCK_CONTROL_URL" in environment:
            environment["INTERLOCK_CONTROL_URL"] = self.services["control"].url
        return Reply(command=[sys.executable, "-m", "interlock_cli", *words], environment=environment)

    async def _start(self, name: str) -> None:
        match name:
            case "postgres":
                await self.postgres.start_again()
            case "kafka":
                await self.kafka.start_again(1)
            case _:
                await self.services[name].healthy()
        self._running.add(name)

    async def _stop(self, name: str) -> None:
        match name:
            case "postgres":
                await self.postgres.stop()
            case "kafka":
                self.kafka.kill(1)
            case _:
                await self.services[name].stop()
        self._running.discard(name)


@asynccontextmanager
async def composed_cell(folder: Path, config: str) -> AsyncIterator[ComposedCell]:
    """Tables, topics and nothing else started; a missing tier ends the drill with a line that says so."""
    kafka, postgres = find_local_kafka(service_settings()), find_local_postgres()
    for found in (kafka, postgres):
        if isinstance(found, Missing):
            raise SystemExit(found.line)
    assert isinstance(kafka, LocalKafka)
    assert isinstance(postgres, LocalPostgres)
    async with cell_of(folder, config, kafka, postgres) as cell:
        yield cell


@asynccontextmanager
async def cell_of(
    folder: Path, config: str, kafka: LocalKafka, postgres: LocalPostgres
) -> AsyncIterator[ComposedCell]:
    """The same over what was found."""
    brokers, server = kafka.cluster(folder / "kafka"), postgres.server()
    path = _written(folder, config)
    await asyncio.gather(brokers.start(), server.start())
    try:
        here = Here(
            folder=folder,
            config=path,
            bootstrap=brokers.bootstrap,
            database_url=await _database(server),
            topic_prefix=fresh_topics().prefix,
        )
        cell = ComposedCell(here, kafka=brokers, postgres=server, programs=postgres.binaries)
        async with _docker(cell):
            made = await cell.run("docker compose run --rm migrate migrate")
            assert made.code == 0, made.out
            try:
                yield cell
            finally:
                await cell.stop(list(cell.services))
    finally:
        await brokers.stop()
        await server.remove()


def _written(folder: Path, config: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "interlock.yaml"
    path.write_text(config, encoding="utf-8")
    return path


async def _database(server: PostgresServer) -> str:
    connection: Any = await asyncpg.connect(server.url, timeout=20.0)
    try:
        await connection.execute(f"CREATE ROLE {USER} SUPERUSER LOGIN")
        await connection.execute(f"CREATE DATABASE {USER} OWNER {USER}")
    finally:
        await connection.close()
    return server.url.replace("postgres@", f"{USER}@").rpartition("/")[0] + f"/{USER}"


@asynccontextmanager
async def _docker(cell: ComposedCell) -> AsyncIterator[None]:
    # Not below the cell's folder: the name of a socket has at most some hundred characters.
    line = tempfile.TemporaryDirectory(prefix="interlock-")
    socket = Path(line.name) / "docker"
    shim = cell.here.folder / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text(_SHIM.format(python=sys.executable, socket=str(socket)), encoding="utf-8")
    shim.chmod(0o755)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await cell.answer(json.loads(await reader.read()))
        except Exception as error:  # noqa: BLE001  whoever typed the line is told
            reply = Reply(code=1, says=f"{type(error).__name__}: {error}")
        told: Mapping[str, Any] = {name: getattr(reply, name) for name in reply.__struct_fields__}
        writer.write(json.dumps(told).encode())
        writer.close()

    with line:
        async with await asyncio.start_unix_server(answer, str(socket)):
            yield
