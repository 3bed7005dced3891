"""A quickstart in a process of its own, on ports and a data folder that outlive it.

Rule: it is started by the same command that people type, and asked over HTTP alone; only its file is looked
at, and only at rest or as a copy. Ports stay the same over restarts, so a client need not notice one.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx2

from interlock_testing.waiting import ServerProcess, free_port, until

START_S: Final = 60.0
"""Imports on a loaded machine take seconds; a start that takes longer than this is a finding."""
WIDE: Final = "220"
"""Columns of the terminal that a command line believes in: no table is cut."""


class Quickstart:
    """`folder` holds interlock.yaml, .interlock and the output; `config` None: the file is there already."""

    def __init__(self, folder: Path, config: str | None) -> None:
        self.folder = folder
        self.data_dir = folder / ".interlock"
        self.port, self.control_port = free_port(), free_port()
        if config is not None:
            (folder / "interlock.yaml").write_text(config, encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "interlock_cli",
            "quickstart",
            "--config",
            str(folder / "interlock.yaml"),
        ]
        command += ["--data-dir", str(self.data_dir)]
        command += ["--port", str(self.port), "--control-port", str(self.control_port)]
        self.process = ServerProcess(command, url=f"{self.url}/readyz", log_path=folder / "quickstart.log")

    @property
    def url(self) -> str:
        """Address of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """Its file."""
        return self.data_dir / "interlock.db"

    async def start(self) -> None:
        """Start and wait until both ports answer."""
        await self.process.start(timeout_s=START_S)
        async with self.admin() as admin:
            await until(
                lambda: _is_ready(admin, self.control_port),
                timeout_s=START_S,
                what="the control plane to be ready",
            )

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    async def stop(self) -> int:
        """What Ctrl-C does; the exit status."""
        if self.process.exit_status() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            await until(
                lambda: self.process.exit_status() is not None, timeout_s=60, what="the end of quickstart"
            )
        return self.process.exit_status() or 0

    def admin(self) -> httpx2.AsyncClient:
        """A client of the control plane; paths are below /admin/v1."""
        base = f"http://127.0.0.1:{self.control_port}/admin/v1"
        return httpx2.AsyncClient(base_url=base, trust_env=False, timeout=30)

    def tell(self, *words: str) -> str:
        """The output of `interlock <words>` for this data folder."""
        command = [sys.executable, "-m", "interlock_cli", *words, "--data-dir", str(self.data_dir)]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "COLUMNS": WIDE},
        )
        if done.returncode != 0:
            raise AssertionError(f"interlock {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done.stdout


async def document(client: httpx2.AsyncClient, path: str, **query: Any) -> Any:
    """A successful read."""
    answer = await client.get(path, params=query)
    if answer.status_code != 200:
        raise AssertionError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()


async def every_request(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """All request records that the control plane lists, newest first."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = await document(client, "/requests", **query)
        found += page["requests"]
        if page["next"] is None:
            return found
        query["before"] = page["next"]


async def _is_ready(client: httpx2.AsyncClient, control_port: int) -> bool:
    try:
        answer = await client.get(f"http://127.0.0.1:{control_port}/readyz")
    except httpx2.TransportError:
        return False
    return answer.status_code == 200
