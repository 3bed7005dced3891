"""The services of compose.yaml as processes of this machine: its commands, its environment, our brokers.

Rule: what a container would get is taken from the file, and only what is bound to containers is exchanged:
host names, ports, folders. A second list of commands here would test itself.
"""

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from ruamel.yaml import YAML

from interlock_testing.waiting import ServerProcess, free_port

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
START_S: Final = 90.0
"""Six processes that import at once, on two cores."""

_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<other>[^}]*))?\}")
_PROBE: Final = re.compile(r"http://127\.0\.0\.1:(?P<port>\d+)(?P<path>/\w+)")


class Unset(Exception):
    """A variable that compose.yaml insists on."""


def ours() -> list[str]:
    """The services that run our image, those of a profile left out."""
    return [name for name, one in SERVICES.items() if one.get("build") == "." and "profiles" not in one]


def filled(text: str, given: Mapping[str, str]) -> str:
    """`${NAME:-default}` and `${NAME:?why}` as compose fills them."""

    def value(found: re.Match[str]) -> str:
        if given.get(found["name"]):
            return given[found["name"]]
        if found["kind"] == "?":
            raise Unset(found["other"])
        return found["other"] or ""

    return _VARIABLE.sub(value, text)


def environment(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """What the container would get."""
    return {name: filled(str(value), given) for name, value in SERVICES[service]["environment"].items()}


def probe(service: str) -> tuple[int, str]:
    """Port and path that its health check asks."""
    found = _PROBE.search(" ".join(SERVICES[service]["healthcheck"]["test"]))
    assert found is not None, f"{service} has no health check over HTTP"
    return int(found["port"]), found["path"]


def grace_s(service: str) -> float:
    """How long compose waits before it kills."""
    return float(SERVICES[service]["stop_grace_period"].removesuffix("s"))


class Here(Struct, frozen=True, kw_only=True):
    """What containers have and this machine has otherwise."""

    folder: Path
    config: Path
    bootstrap: tuple[str, ...]
    database_url: str
    topic_prefix: str

    def command(self, service: str, port: int) -> list[str]:
        """Its command line."""
        said = {"0.0.0.0": "127.0.0.1", "/etc/interlock.yaml": str(self.config)}
        words = [said.get(word, word) for word in SERVICES[service]["command"]]
        with contextlib.suppress(ValueError):
            words[words.index("--port") + 1] = str(port)
        return [sys.executable, "-m", "interlock_cli", *words]

    def environment(self, service: str, given: Mapping[str, str]) -> dict[str, str]:
        """Its whole environment; the prefix makes a cell of our own on a broker that others use."""
        told = environment(service, given)
        ours = {
            "INTERLOCK_KAFKA_BOOTSTRAP": ",".join(self.bootstrap),
            "INTERLOCK_DATABASE_URL": self.database_url,
            "INTERLOCK_DATA_DIR": str(self.folder / service),
        }
        exchanged = {name: ours.get(name, value) for name, value in told.items()}
        return exchanged | {"INTERLOCK_TOPIC_PREFIX": self.topic_prefix, "PATH": "/usr/bin:/bin"}

    def process(self, service: str, given: Mapping[str, str]) -> "Composed":
        """A service that listens, not started."""
        port = free_port()
        _, path = probe(service)
        process = ServerProcess(
            self.command(service, port),
            url=f"http://127.0.0.1:{port}{path}",
            log_path=self.folder / f"{service}.log",
            env=self.environment(service, given),
        )
        return Composed(name=service, url=f"http://127.0.0.1:{port}", process=process)


class Composed(Struct, frozen=True, kw_only=True):
    """One running service."""

    name: str
    url: str
    process: ServerProcess

    async def healthy(self) -> None:
        """Started, and until its health check would pass."""
        await self.process.start(timeout_s=START_S)

    async def stop(self) -> int:
        """SIGTERM, and the exit status within the time that compose gives."""
        return await self.process.stop(timeout_s=grace_s(self.name))
