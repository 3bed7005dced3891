"""`interlock deadletters`: records that nobody could read, to be looked at, replayed or dropped."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock_cli.connect import reading, writing
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Reason, Url
from interlock_cli.refusal import Refusal
from interlock_cli.screen import ago, print_json, print_table

SHOWN = 60
"""Characters of a record in a table; all that is kept of it is in the JSON."""


class Action(StrEnum):
    """What can be done."""

    LIST = "list"
    REPLAY = "replay"
    DROP = "drop"


def command(
    action: Annotated[Action, typer.Argument(help="What to do.")],
    id: Annotated[int | None, typer.Argument(metavar="ID", min=0, help="Which letter, as listed.")] = None,
    value: Annotated[
        Path | None,
        typer.Option("--value", help="replay: a file with the corrected record; - is standard input."),
    ] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="list: settled ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="list: how many.")] = 100,
    reason: Reason = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """List dead letters, replay one as a copy at the end of its topic, or drop one.

    Examples:
      interlock deadletters list
      interlock deadletters replay 12 --value mended.json --reason "the tool wrote no type"
      interlock deadletters drop 13 --reason noise
    """
    if action is Action.LIST:
        _list(limit, output, data_dir, url, state=None if all_of_them else "waiting")
        return
    if id is None:
        raise Refusal(f"say which one: interlock deadletters {action} ID (see `list`)", code=2)
    body: dict[str, Any] = {"reason": reason}
    if value is not None:
        if action is Action.DROP:
            raise Refusal("--value corrects what is replayed; a letter is dropped as it is", code=2)
        body["value"] = _text(value)
    with writing(data_dir, url) as control:
        path = f"/dead-letters/{id}"
        method, path = ("POST", f"{path}/replay") if action is Action.REPLAY else ("DELETE", path)
        answer = control.send(method, path, body)
    if output is Output.JSON:
        print_json(answer)
    elif action is Action.REPLAY:
        print(f"dead letter {id} is replayed: its copy stands at {answer['copy']}")
    else:
        print(f"dead letter {id} is dropped; `interlock deadletters list --all` still shows it")


def _list(limit: int, output: Output, data_dir: Path, url: str | None, *, state: str | None) -> None:
    with reading(data_dir, url) as control:
        page = control.get("/dead-letters", state=state, limit=limit)
    if output is Output.JSON:
        print_json(page)
        return
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    heads = ("ID", "STATE", "FROM", "RECORDED", "REASON", "DETAIL", "RECORD")
    rows = [_row(one, now_ms) for one in page["dead_letters"]]
    print_table(heads, rows, empty="no dead letter waits")
    if page["next"] is not None:
        print(f"there are more: ask with --limit above {limit}, or settle these first")


def _row(one: dict[str, Any], now_ms: int) -> tuple[str, ...]:
    state = one["state"] + (f" by {one['changed_by']}" if one["changed_by"] else "")
    place = f"{one['topic']}/{one['partition']}/{one['offset']}"
    record = "" if one["value"] is None else repr(one["value"][:SHOWN])[1:-1]
    when = ago(one["recorded_ms"], now_ms)
    return str(one["id"]), state, place, when, one["reason"], one["detail"][:SHOWN], record


def _text(path: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return raw.decode()
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {(error.strerror or 'error').lower()}") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is no UTF-8 text: save it as UTF-8") from error
