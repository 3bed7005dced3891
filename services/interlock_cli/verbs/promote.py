"""`interlock promote`: put a rebuilt projection in force."""

from typing import Annotated

import typer

from interlock_cli.connect import path_of, writing
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.screen import print_json


def command(
    name: Annotated[str, typer.Argument(help="The projection, as `interlock get projections` lists it.")],
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Its rows are meant to differ from those in force.")
    ] = False,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Put a rebuilt projection in force; `interlock rollback` takes it back.

    Rebuild one beside the one in force with `interlock serve projector --projection routing-2`.

    Example:
      interlock promote routing-2
    """
    with writing(data_dir, url) as control:
        body = {"accept_differences": True} if accept_differences else {}
        moved = control.send("POST", path_of("projections", name, "/promote"), body)
    if output is Output.JSON:
        print_json(moved)
    else:
        print(f"{moved['in_force']} is in force instead of {moved['before']}")
