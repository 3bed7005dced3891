"""A simulated provider in a process of its own, to be killed and started again on the same port."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from interlock_testing.answers import text
from interlock_testing.waiting import ServerProcess, free_port


class ProviderProcess:
    """`seen` counts the chat requests that reached it over all of its lives: its counters die with it."""

    def __init__(
        self, folder: Path, name: str, *, latency_ms: int = 0, interval_ms: int = 20, chunks: int = 20
    ) -> None:
        self.name = name
        self.port = free_port()
        self.text = text(name, chunks)
        command = [
            sys.executable,
            "-m",
            "interlock_testing.upstream",
            "--port",
            str(self.port),
            "--name",
            name,
        ]
        command += [
            "--latency-ms",
            str(latency_ms),
            "--interval-ms",
            str(interval_ms),
            "--chunks",
            str(chunks),
        ]
        command += ["--print-requests"]
        url = f"http://127.0.0.1:{self.port}/_stats"
        self.process = ServerProcess(command, url=url, log_path=folder / f"{name}.log")

    @property
    def base_url(self) -> str:
        """As `base_url` in a configuration."""
        return f"http://127.0.0.1:{self.port}/v1"

    def seen(self) -> int:
        """Chat requests that it has read, by its own log."""
        return sum(line.startswith("request ") for line in self.process.log().splitlines())

    def stats(self) -> dict[str, Any]:
        """The counters of its present life."""
        with urllib.request.urlopen(self.process.url, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
