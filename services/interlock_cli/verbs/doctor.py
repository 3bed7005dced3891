"""`interlock doctor`: is everything as it should be, and if not, what to do."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from interlock_cli.checkup import (
    Finding,
    Level,
    cell_named,
    look_at_config,
    look_at_data_dir,
    look_at_database,
    look_at_environment,
    look_at_ports,
    look_at_python,
    look_at_secrets,
)
from interlock_cli.connect import DATABASE, reading, running
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.reach import look_at_control, look_at_upstreams
from interlock_cli.screen import print_json, print_table
from interlock_domain.catalog.config import Config
from interlock_runtime.settings import RuntimeSettings


def command(
    config: Annotated[Path | None, typer.Option("--config", "-f", help="The configuration file.")] = None,
    port: Annotated[int, typer.Option("--port", help="Port that a gateway would use.")] = 8080,
    control_port: Annotated[
        int, typer.Option("--control-port", help="Port that a control plane would use.")
    ] = 8081,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Check python, configuration, secrets, data folder, database, ports, upstreams and the running system.

    Of a cell, which INTERLOCK_DATABASE_URL and INTERLOCK_KAFKA_BOOTSTRAP name, also both of them, its topics,
    its relay and its projector; gateways and their snapshots when a control plane is named.

    Examples:
      interlock doctor
      interlock doctor --config my.yaml --data-dir /var/lib/interlock
    """
    ports = {"--port": port, "--control-port": control_port}
    found = [*_machine(config, data_dir), *_system(config, data_dir, url, ports)]
    if output is Output.JSON:
        print_json(to_builtins(found))
    else:
        print_table(("", "WHAT", "SAYS", "DO"), (_row(one) for one in found), empty="")
    if any(one.level is Level.FAIL for one in found):
        raise typer.Exit(1)


def _machine(path: Path | None, data_dir: Path) -> Iterator[Finding]:
    yield look_at_python()
    environment, found = look_at_environment()
    yield from found
    config, found = look_at_config(path)
    yield from found
    if config is not None and environment is not None:
        yield from look_at_secrets(config, environment.variables)
    yield from look_at_data_dir(data_dir)
    yield look_at_database(data_dir / DATABASE)


def _system(path: Path | None, data_dir: Path, url: str | None, ports: dict[str, int]) -> Iterator[Finding]:
    config: Config | None = look_at_config(path)[0]
    providers = (
        [(provider.name, provider.base_url) for provider in config.providers] if config is not None else []
    )
    cell = cell_named()
    if cell is not None:
        yield from _look_at_cell(cell, config)
    if url or running(data_dir):
        with reading(data_dir, url) as control:
            found = list(look_at_control(control))
            if not providers and found[0].level is Level.OK:
                providers = [(one["name"], one["base_url"]) for one in control.get("/providers")]
        yield from found
    elif cell is not None:
        do = "name one with --url or INTERLOCK_CONTROL_URL"
        yield Finding(Level.WARN, "control", "no control plane is named, so no gateway is looked at", do)
    else:
        yield from look_at_ports(ports)
        yield Finding(Level.OK, "control", "nothing runs here: `interlock quickstart` starts it")
    yield from look_at_upstreams(providers)


def _look_at_cell(settings: RuntimeSettings, config: Config | None) -> list[Finding]:
    try:
        checkup = import_module("interlock_cli.cell_checkup")
    except ModuleNotFoundError as missing:
        do = "pip install 'interlock[kafka,postgres]'"
        return [Finding(Level.FAIL, "cell", f"{missing.name} is missing, which a cluster needs", do)]
    found: list[Finding] = checkup.look_at_cell(settings, config.retention if config is not None else None)
    return found


def _row(one: Finding) -> tuple[str, str, str, str]:
    return one.level.value, one.what, one.says, one.do
