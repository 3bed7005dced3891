"""`interlock quickstart`: everything in one process."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from interlock_cli.options import DEFAULT_DATA_DIR, DataDir
from interlock_quickstart.run import quickstart
from interlock_quickstart.settings import Options


def command(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-f", help="The configuration; else interlock.yaml of this folder, else the demo."
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port of the gateway.")] = 8080,
    control_port: Annotated[
        int, typer.Option("--control-port", min=0, max=65_535, help="Port of the control plane.")
    ] = 8081,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    allow_removal: Annotated[
        bool, typer.Option("--allow-removal", help="Apply the file even when it removes many targets.")
    ] = False,
) -> None:
    """Run gateway, control plane and projector in one process on SQLite; without a file, a demo.

    Examples:
      interlock quickstart
      interlock quickstart --config my.yaml --port 9000 --control-port 9001
    """
    options = Options(
        data_dir=data_dir, config=config, port=port, control_port=control_port, allow_removal=allow_removal
    )
    sys.exit(quickstart(options))
