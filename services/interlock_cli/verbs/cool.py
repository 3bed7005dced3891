"""`interlock cool`: an operator rests a target."""

from typing import Annotated

import typer

from interlock_cli.change import changed
from interlock_cli.connect import path_of, writing
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Reason, Url


def command(
    target: Annotated[str, typer.Argument(help="The target, provider/model.", metavar="TARGET")],
    duration: Annotated[str, typer.Option("--for", help="How long, like 30s, 10m or 2h.")] = "10m",
    shape: Annotated[
        str, typer.Option("--shape", help="Only requests of this shape (text, tools, ...).")
    ] = "*",
    reason: Reason = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Rest a target for a while: it gets no requests until then, whatever its health.

    Examples:
      interlock cool atlas/large --for 10m --reason "invoice is being paid"
      interlock cool atlas/large --shape tools
    """
    with writing(data_dir, url) as control:
        body = {"for": duration, "shape": shape, "reason": reason}
        answer = control.send("PUT", path_of("targets", target, "/cooldown"), body)
        changed(control, answer, f"{target} is cooled for {duration} ({_words(shape)})", output)


def _words(shape: str) -> str:
    return "all shapes" if shape == "*" else shape
