"""Changes that operators make: which thing is meant, and what they read when it is done.

Rule: what an id means never depends on the state of anything but the catalog: with a slash it is a target,
without one a provider or a pool, and a name that is both must say which. After a change the command waits
until the projection has it, so that the next `get` shows it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from interlock_cli.connect import Control, path_of, writing
from interlock_cli.options import Output
from interlock_cli.refusal import Refusal
from interlock_cli.screen import print_json

Subject = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A target (provider/model), a provider, or a pool; pool:NAME or provider:NAME when both exist.",
    ),
]


def set_state(
    id: str, wanted: dict[str, Any], *, pool: str | None, output: Output, data_dir: Path, url: str | None
) -> None:
    """Set an operator's state and say so."""
    with writing(data_dir, url) as control:
        path, words = subject(control, id, pool)
        answer = control.send("PUT", path, wanted)
        until = f" for {wanted['expires_in']}" if wanted["expires_in"] else ""
        changed(control, answer, f"{words} is {wanted['state']}{until}", output)


def subject(control: Control, id: str, pool: str | None) -> tuple[str, str]:
    """The path of the state of what is meant, and how to call it."""
    if pool is not None:
        return path_of("pools", pool, f"{path_of('/members', id)[1:]}/state"), f"{id} in pool {pool}"
    kind, colon, name = id.partition(":")
    if colon and kind in {"pool", "provider", "target"}:
        return path_of(f"{kind}s", name, "/state"), f"{kind} {name}" if kind != "target" else name
    if "/" in id:
        return path_of("targets", id, "/state"), id
    kinds = [kind for kind in ("provider", "pool") if _is_one(control, kind, id)]
    if len(kinds) == 1:
        return path_of(f"{kinds[0]}s", id, "/state"), f"{kinds[0]} {id}"
    if kinds:
        raise Refusal(f"`{id}` is a provider and a pool: write provider:{id} or pool:{id}")
    raise Refusal(
        f"there is no provider and no pool `{id}` (a target is written provider/model): "
        "see `interlock get providers`"
    )


def changed(control: Control, answer: dict[str, Any], sentence: str, output: Output) -> None:
    """Wait until the change is projected, then say what was done and where it stands in the log."""
    control.get("/events", limit=1, min_position=answer["position"])
    if output is Output.JSON:
        print_json(answer)
    else:
        print(f"{sentence}  (event {answer['position']})")


def _is_one(control: Control, kind: str, name: str) -> bool:
    return any(one["name"] == name for one in control.get(f"/{kind}s"))
