"""`interlock serve`: one service of a cluster, in the foreground, until a signal."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from interlock_cli.refusal import Refusal
from interlock_cli.settings import service_settings
from interlock_runtime.logging import set_up_logging
from interlock_runtime.settings import RuntimeSettings, SettingsProblem


class Service(StrEnum):
    """What a cluster is made of; each is `interlock_<name>.serve.serve`."""

    GATEWAY = "gateway"
    PROJECTOR = "projector"
    CONTROL = "control"
    REACTORS = "reactors"


OPTIONS: Final = {
    Service.GATEWAY: {"port", "host", "workers"},
    Service.PROJECTOR: {"port", "host", "projection"},
    Service.CONTROL: {"port", "host", "config"},
    Service.REACTORS: {"port", "host"},
}
"""What each of them may be told; an option that was not given keeps the service's own default."""


def command(
    service: Annotated[Service, typer.Argument(help="Which service to run.")],
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Port to listen on.")] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; else this machine only.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="gateway: processes that share the port.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-f", help="control: the configuration to apply to an empty journal."),
    ] = None,
    projection: Annotated[
        str | None, typer.Option("--projection", help="projector: rebuild this one beside the one in force.")
    ] = None,
) -> None:
    """Run one service of a cluster; where Kafka and PostgreSQL are is told by the environment.

    Examples:
      interlock serve control --port 8081
      interlock serve projector
      interlock serve projector --projection routing-2
      interlock serve gateway --port 8080 --workers 4
      interlock serve reactors --port 8085
    """
    given = {"port": port, "host": host, "workers": workers, "config": config, "projection": projection}
    options = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(options.keys() - OPTIONS[service])
    if unknown:
        raise Refusal(f"--{unknown[0]} says nothing to the {service}: leave it out", code=2)
    settings, misspelt = _settings()
    set_up_logging(settings.log_level)
    for variable in misspelt:
        logging.getLogger(__name__).warning("%s", variable)
    sys.exit(_run(_service(service)(settings, **options)))


def _service(service: Service) -> Any:
    name = f"interlock_{service}.serve"
    try:
        return import_module(name).serve
    except ModuleNotFoundError as missing:
        if missing.name is not None and name.startswith(missing.name):
            raise Refusal(f"this version of interlock has no service {service} yet") from missing
        raise Refusal(
            f"{missing.name} is missing: install the cluster's packages, "
            "pip install 'interlock[kafka,postgres]'"
        ) from missing


def _run(serving: Coroutine[Any, Any, int]) -> int:
    factory = None
    if sys.platform != "win32":
        factory = import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(serving)


def _settings() -> tuple[RuntimeSettings, tuple[SettingsProblem, ...]]:
    settings, misspelt = service_settings()
    if isinstance(settings, RuntimeSettings):
        return settings, misspelt
    raise Refusal("\n".join(map(str, settings)))
