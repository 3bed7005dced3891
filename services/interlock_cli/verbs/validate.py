"""`interlock validate`: every mistake of a configuration file with its line; or what a section holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import NODEFAULT

from interlock_cli.refusal import Refusal
from interlock_domain.catalog.config import ROOT
from interlock_domain.catalog.kinds.blocks import Block, Key
from interlock_runtime.config_file import LoadedConfig, load_config


def command(
    file: Annotated[
        Path, typer.Option("--file", "-f", "--config", help="The configuration file.", dir_okay=False)
    ] = Path("interlock.yaml"),
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="SECTION", help="Print the keys of a section and stop.")
    ] = None,
) -> None:
    """Check a configuration: prints every problem as file:line:column, and changes nothing.

    Examples:
      interlock validate -f interlock.yaml
      interlock validate --explain policy
    """
    if explain is not None:
        for line in explained(explain):
            print(line)
        return
    loaded = load_config(file)
    if not isinstance(loaded, LoadedConfig):
        for problem in loaded:
            print(problem)
        raise typer.Exit(1)
    config = loaded.config
    counts = [
        (len(config.providers), "provider"),
        (len(config.targets), "target"),
        (len(config.pools), "pool"),
    ]
    print(f"{file} is valid: {', '.join(counted(number, what) for number, what in counts)}")


def counted(number: int, what: str) -> str:
    """`1 pool`, `2 pools`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def explained(section: str) -> Iterator[str]:
    """The keys of a section, or of a block inside it (policy.cooldown)."""
    first, *rest = section.split(".")
    key = _key(ROOT, first)
    for step in rest:
        inside = key.kind.inside
        if inside is None:
            raise Refusal(f"`{key.name}` has no keys of its own", code=1)
        key = _key(inside, step)
    yield f"{section}: {key.doc}"
    inside = key.kind.inside
    if inside is None or inside is not key.kind:
        yield f"  wants {key.kind.words}"
    if inside is not None:
        yield from _keys(inside, "  ")


def _key(block: Block[Any], name: str) -> Key:
    found = next((key for key in block.keys if key.name == name), None)
    if found is None:
        raise Refusal(f"there is no section `{name}`; known: {', '.join(key.name for key in block.keys)}")
    return found


def _keys(block: Block[Any], indent: str) -> Iterator[str]:
    for key in block.keys:
        default = block.default(key)
        shown = "required" if key.required else "" if default is NODEFAULT else f"default {_yaml(default)}"
        inside = key.kind.inside
        is_block = inside is not None and inside is key.kind
        wants = "" if is_block else key.kind.words
        yield f"{indent}{key.name}: {key.doc}" + _remark(wants, shown)
        if is_block and inside is not None:
            yield from _keys(inside, indent + "  ")


def _remark(*parts: str) -> str:
    told = "; ".join(filter(None, parts))
    return f"  ({told})" if told else ""


def _yaml(value: object) -> str:
    """A default as the file would say it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{', '.join(map(_yaml, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}: {_yaml(inner)}" for key, inner in value.items()) + "}"
        case _:
            return str(value)
