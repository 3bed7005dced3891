"""The options that verbs share, spelled once: where Interlock is, and how to print."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_DATA_DIR: Final = Path(".interlock")


class Output(StrEnum):
    """How an answer is printed: for people, or as the control plane gave it."""

    TABLE = "table"
    JSON = "json"


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="INTERLOCK_DATA_DIR",
        help="Data folder of the quickstart; its run.json says where it listens.",
        file_okay=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="INTERLOCK_CONTROL_URL", help="A control plane, instead of the data folder's."
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Print a table, or JSON for programs.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it is recorded with your name.")]
For = Annotated[
    str | None, typer.Option("--for", help="For how long, like 30s, 10m or 2h; else until changed.")
]
InPool = Annotated[
    str | None, typer.Option("--pool", help="Only as a member of this pool; other pools are untouched.")
]
