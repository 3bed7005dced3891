"""`interlock migrate`: the tables and topics of a cluster, made or looked at."""

import asyncio
import logging
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock_cli.refusal import Refusal
from interlock_domain.catalog.config import Config
from interlock_quickstart.settings import read_environment
from interlock_runtime.config_file import LoadedConfig, load_config
from interlock_runtime.settings import RuntimeSettings


def command(
    check: Annotated[
        bool, typer.Option("--check", help="Only look: exit code 2 when there is something to do.")
    ] = False,
    new_generation: Annotated[
        bool,
        typer.Option(
            "--new-generation",
            help="After a restore of the database or new topics: gateways take a lower position once.",
        ),
    ] = False,
    replication: Annotated[
        int | None,
        typer.Option(
            "--replication", min=1, max=7, help="Copies of each topic; else 3, or one for each broker."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-f", help="Take how long topics keep their records from this file."),
    ] = None,
) -> None:
    """Make the tables and topics of a cluster, or look at them; again and again without harm.

    Where they are is told by INTERLOCK_DATABASE_URL and INTERLOCK_KAFKA_BOOTSTRAP. What exists is never
    altered: for each topic setting that is wrong it prints the command that corrects it, and exits with 1.

    Examples:
      interlock migrate
      interlock migrate --check
      interlock migrate -f interlock.yaml --replication 1
    """
    if check and new_generation:
        raise Refusal("--check changes nothing and --new-generation does: choose one of them", code=2)
    try:
        cell = import_module("interlock_cli.cell")
    except ModuleNotFoundError as missing:
        raise Refusal(
            f"{missing.name} is missing, which a cluster needs: pip install 'interlock[kafka,postgres]'"
        ) from missing
    wanted = cell.Wanted(
        config=_config(config), replication=replication, look_only=check, new_generation=new_generation
    )
    # Its lines about each refused connection would stand beside our sentence, which says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    code = asyncio.run(_say(cell.ground(_settings(), wanted)))
    if code:
        raise typer.Exit(code)


async def _say(lines: Any) -> int:
    """Print each line as it comes; the exit code."""
    todo = wrong = False
    async for line in lines:
        print(f"{line.what:10}  {line.says}", flush=True)
        todo, wrong = todo or line.todo, wrong or line.wrong
    return 1 if wrong else 2 if todo else 0


def _config(path: Path | None) -> Config:
    if path is None:
        return Config()
    loaded = load_config(path)
    if isinstance(loaded, LoadedConfig):
        return loaded.config
    raise Refusal("\n".join(map(str, loaded)))


def _settings() -> RuntimeSettings:
    read = read_environment()
    if isinstance(read, tuple):
        raise Refusal("; ".join(map(str, read)))
    return read.runtime
