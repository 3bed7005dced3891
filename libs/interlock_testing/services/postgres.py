"""A real PostgreSQL on loopback: to be stopped, killed with -9, and started again on its data and port.

Rule: nothing is synced to disk, since no test pulls the plug of the machine; a killed server loses nothing by
that. As root it runs as another user, in a folder that this user may reach, programs included.
A Unix socket was dropped: services connect over TCP, and tests do as services do.
"""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]
from msgspec import Struct

from interlock_testing.services.binaries import copy_programs, open_to_all, server_user
from interlock_testing.services.databases import PostgresService
from interlock_testing.services.kafka import STARTS, NotStarted
from interlock_testing.services.process import ServiceProcess, run_as
from interlock_testing.waiting import free_port, until

READY_S: Final = 60.0
"""Recovery after a kill -9 on a busy machine, several times over."""
ANSWER_S: Final = 2.0
"""A paused server accepts connections and never answers."""
BETWEEN_LOOKS_S: Final = 0.05

LOCKED: Final = "locked"
"""A role that a test makes, with a password; everybody else is trusted on loopback."""
_RULES: Final = f"""hostssl all {LOCKED} 127.0.0.1/32 scram-sha-256
host all {LOCKED} 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
"""

_NOT_YET: Final = ("pre-existing shared memory block", "lock file")
"""What a new server says while children of the killed one are ending."""
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "timezone": "UTC",
}


class Certified(Struct, frozen=True, kw_only=True):
    """Who a server is to those who check it: PEM files."""

    certificate: Path
    key: Path


class PostgresServer:
    """One server over `binaries`; its folder is made by `start` and removed by `remove`.

    With `tls` it also takes the role of LOCKED by TLS and password only.
    """

    def __init__(self, binaries: Path, *, tls: Certified | None = None) -> None:
        self._binaries = binaries
        self._tls = tls
        self._user = server_user()
        self._folder = Path()
        self._process: ServiceProcess | None = None
        self._service: PostgresService | None = None
        self._spawned_at = 0

    @property
    def service(self) -> PostgresService:
        """Its databases."""
        if self._service is None:
            raise RuntimeError("the server was not started")
        return self._service

    @property
    def url(self) -> str:
        """The login of its owner."""
        return self.service.url

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self._folder / "data"

    @property
    def pid(self) -> int:
        """The first process of the server, parent of all others."""
        return self._running.pid

    def database(self) -> AbstractAsyncContextManager[str]:
        """The URL of a fresh, migrated database."""
        return self.service.database()

    async def start(self) -> None:
        """Make its data and start it; returns when it answers."""
        self._folder = folder = await asyncio.to_thread(self._make)
        for attempt in range(1, STARTS + 1):
            port = free_port()
            command = self._command(folder, port)
            self._process = ServiceProcess(command, log_path=folder / "log", user=self._user)
            self._service = PostgresService(f"postgresql://postgres@127.0.0.1:{port}/postgres")
            try:
                await self.start_again()
                return
            except BaseException:
                if attempt == STARTS or "Address already in use" not in self.log():
                    await self.remove()
                    raise

    async def start_again(self) -> None:
        """Start it on its own data; returns when it answers.

        The children of a killed server end a moment after it, and a new one refuses until they have.
        """
        self._spawned_at = len(self.log())
        await until(self._answers, timeout_s=READY_S, what="PostgreSQL to answer")

    async def stop(self) -> None:
        """A fast shutdown: connections are ended, what was committed is kept."""
        if self._process is not None:
            await self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the server; its children notice and end."""
        self._running.kill()

    def pause(self) -> None:
        """SIGSTOP of the server: no new connection is answered, existing ones go on."""
        self._running.pause()

    def go_on(self) -> None:
        """SIGCONT."""
        self._running.go_on()

    async def remove(self) -> None:
        """Stop it and remove its data."""
        await self.stop()
        if self._process is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def log(self) -> str:
        """What it printed."""
        return self._process.log() if self._process is not None else ""

    @property
    def _running(self) -> ServiceProcess:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    async def _answers(self) -> bool:
        if not self._running.running:
            self._spawn_or_raise()
        try:
            connection = await asyncpg.connect(self.url, timeout=ANSWER_S)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(BETWEEN_LOOKS_S)
            return False
        await connection.close()
        return True

    def _spawn_or_raise(self) -> None:
        told = self.log()[self._spawned_at :]
        if told.strip() and not any(reason in told for reason in _NOT_YET):
            raise NotStarted(f"PostgreSQL ended at once: {told[-3000:]}")
        self._spawned_at = len(self.log())
        self._running.spawn()

    def _make(self) -> Path:
        """The data folder, and the programs too where the other user could not reach them."""
        folder = Path(tempfile.mkdtemp(prefix="interlock-postgres-"))
        if self._user is not None:
            folder.chmod(0o711)
            if not open_to_all(self._binaries / "postgres"):
                self._binaries = copy_programs(self._binaries, folder / "programs")
        data = folder / "data"
        data.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(data, self._user)
        made = ["-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            [str(self._binaries / "initdb"), *made, "--no-sync", "--no-instructions"],
            **run_as(self._user),
            cwd=data,
            capture_output=True,
            timeout=READY_S,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            told = (done.stdout + done.stderr).decode(errors="replace")
            raise NotStarted(f"PostgreSQL's data folder was not made: {told[-3000:]}")
        if self._tls is not None:
            self._certify(data, self._tls)
        return folder

    def _certify(self, data: Path, tls: Certified) -> None:
        """Files of its own: it refuses a key that others may read."""
        for name, source in (("server.crt", tls.certificate), ("server.key", tls.key)):
            (data / name).touch(mode=0o600)
            (data / name).write_bytes(source.read_bytes())
            if self._user is not None:
                shutil.chown(data / name, self._user)
        (data / "pg_hba.conf").write_text(_RULES)

    def _command(self, folder: Path, port: int) -> list[str]:
        settings = {**_SETTINGS, "port": str(port), "ssl": "on" if self._tls is not None else "off"}
        told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binaries / "postgres"), "-D", str(folder / "data"), *told]
