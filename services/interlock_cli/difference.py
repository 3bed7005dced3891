"""What a file would change, as `plan` and `apply` show it: one line a change, in the words of the file.

Rule: the file is judged here first, so that a mistake is told with its own name and line; the control plane
judges it again. What is compared is the answer of the control plane alone, never a copy of the catalog here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from interlock_cli.refusal import Refusal
from interlock_runtime.config_file import LoadedConfig, load_config, load_text

ConfigFile = Annotated[
    Path, typer.Option("--file", "-f", help="The configuration; `-` for stdin.", dir_okay=False)
]
DEFAULT_FILE = Path("interlock.yaml")
STDIN: Final = Path("-")
AllowRemoval = Annotated[
    bool,
    typer.Option("--allow-removal", help="Mean it when more than 30 % of the targets, or all, would go."),
]


def text_of(file: Path) -> bytes:
    """The content of a good file; every mistake of a bad one is the refusal."""
    if file == STDIN:
        text = sys.stdin.buffer.read()
        loaded = load_text(text.decode("utf-8-sig", "replace"))
    else:
        loaded = load_config(file)
        text = file.read_bytes() if isinstance(loaded, LoadedConfig) else b""
    if not isinstance(loaded, LoadedConfig):
        raise Refusal("\n".join(map(str, loaded)))
    return text


def lines(plan: dict[str, Any]) -> Iterator[str]:
    """The changes and the warnings of a plan."""
    changes = plan["changes"]
    for change in changes:
        yield _line(change)
    if plan["changed"] and not changes:
        yield "~ only the order of entries, or the first revision"
    for warning in plan["warnings"]:
        yield f"warning: {warning}"


def counted(plan: dict[str, Any]) -> str:
    """`3 changes to revision 4`."""
    number = len(plan["changes"]) or 1
    return f"{number} change{'' if number == 1 else 's'} to revision {plan['revision']}"


def _line(change: dict[str, Any]) -> str:
    place = f"{change['section']} {change['name']}".strip()
    if not change["path"]:
        return f"{change['kind']} {place}{_summary(change)}"
    words = " -> ".join(_value(change[side]) for side in _SIDES[change["kind"]])
    return f"{change['kind']} {place}  {change['path']}  {words}"


_SIDES = {"+": ("new",), "-": ("old",), "~": ("old", "new")}


def _summary(change: dict[str, Any]) -> str:
    """What a person looks for first in an entry that comes; one that goes is known by its name."""
    entry = change["new"] or {}
    match change["section"]:
        case "providers":
            return f"  {entry['base_url']}" if entry else ""
        case "pools" if entry:
            members = ", ".join(member["target"] for member in entry["members"])
            return f"  {entry['strategy']}: {members}"
        case _:
            return ""


def _value(value: Any) -> str:
    """A value as the file would say it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items()) + "}"
        case _:
            return str(value)
