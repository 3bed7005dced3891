"""`interlock state`: the whole routing state, now or at a moment in the past."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from interlock_cli.connect import reading
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Url
from interlock_cli.screen import print_json, print_table
from interlock_cli.verbs.get import LISTINGS, Kind


def command(
    at: Annotated[
        str | None,
        typer.Option(
            "--at", help="A position (1042), a distance (-15m) or an RFC 3339 time; now if left out."
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """The routing state at a moment: what was excluded, why, and who had decided it.

    Examples:
      interlock state --at -15m
      interlock state --at 1042 -o json
    """
    with reading(data_dir, url) as control:
        found: dict[str, Any] = control.get("/state", at=at)
    if output is Output.JSON:
        print_json(found)
        return
    moment = datetime.fromtimestamp(found["as_of_ms"] / 1000, tz=UTC).astimezone()
    print(f"at position {found['position']} ({moment:%Y-%m-%d %H:%M:%S}, revision {found['revision']})")
    for kind in (Kind.TARGETS, Kind.POOLS, Kind.PROVIDERS):
        listing = LISTINGS[kind]
        print()
        print_table(
            listing.heads,
            (row for one in found[kind.value] for row in listing.rows(one)),
            empty=listing.empty,
        )
