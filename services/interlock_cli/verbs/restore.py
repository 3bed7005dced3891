"""`interlock restore`: an operator ends the rests of a target."""

from typing import Annotated

import typer

from interlock_cli.change import changed
from interlock_cli.connect import path_of, writing
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Reason, Url


def command(
    target: Annotated[str, typer.Argument(help="The target, provider/model.", metavar="TARGET")],
    shape: Annotated[
        str, typer.Option("--shape", help="Only requests of this shape (text, tools, ...).")
    ] = "*",
    reason: Reason = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """End every rest of a target, ramp included: it takes its full share at once.

    Example:
      interlock restore atlas/large --reason "fixed upstream"
    """
    with writing(data_dir, url) as control:
        body = {"shape": shape, "reason": reason}
        answer = control.send("DELETE", path_of("targets", target, "/cooldown"), body)
        changed(control, answer, f"{target} is restored", output)
