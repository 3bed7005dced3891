"""`interlock rollback`: put the projection back in force that was before."""

from typing import Annotated

import typer

from interlock_cli.connect import path_of, writing
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.screen import print_json


def command(
    name: Annotated[str, typer.Argument(help="The projection that is in force and should not be.")],
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Undo a promotion: the projection that was in force before it is again.

    Example:
      interlock rollback routing-2
    """
    with writing(data_dir, url) as control:
        moved = control.send("POST", path_of("projections", name, "/rollback"), {})
    if output is Output.JSON:
        print_json(moved)
    else:
        print(f"{moved['in_force']} is in force again instead of {moved['before']}")
