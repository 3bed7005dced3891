"""`interlock plan`: what a configuration would change."""

import typer

from interlock_cli.connect import reading
from interlock_cli.difference import DEFAULT_FILE, AllowRemoval, ConfigFile, counted, lines, text_of
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.refusal import Refusal
from interlock_cli.screen import print_json


def command(
    file: ConfigFile = DEFAULT_FILE,
    allow_removal: AllowRemoval = False,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Compare a file with what is declared; changes nothing. Exit code: 0 no change, 2 changes, 1 an error.

    Examples:
      interlock plan -f interlock.yaml
      interlock plan -f interlock.yaml --url http://control:8081
    """
    text = text_of(file)
    with reading(data_dir, url) as control:
        plan = control.post("/config/plan", text, allow_removal=allow_removal)
    if output is Output.JSON:
        print_json(plan)
    else:
        for line in lines(plan):
            print(line)
    if plan["refused"]:
        raise Refusal(plan["refused"])
    if output is not Output.JSON:
        print(f"{counted(plan)}: interlock apply -f {file}" if plan["changed"] else _same(plan))
    if plan["changed"]:
        raise typer.Exit(2)


def _same(plan: dict[str, object]) -> str:
    return f"no change: revision {plan['revision']} says the same"
