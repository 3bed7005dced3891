"""The reference of interlock.yaml, made from the tables that read it: JSON Schema, docs page, explanations.

Rule: nothing about a key is written here. `python -m interlock_runtime.config_schema [FOLDER]` writes
interlock.schema.json and config.md into the docs folder; a test keeps both current.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import NODEFAULT

from interlock_domain.catalog.config import ROOT
from interlock_domain.catalog.kinds.blocks import Block, Key, MapOf
from interlock_domain.catalog.kinds.place import nearest
from interlock_domain.catalog.sections.provider import WELL_KNOWN
from interlock_runtime.settings import PREFIX, VARIABLES

SCHEMA_FILE: Final = "interlock.schema.json"
REFERENCE_FILE: Final = "config.md"

_HEAD: Final = """# Configuration reference

Made from the tables that read the file; change those, then run `python -m interlock_runtime.config_schema`.
An editor that knows JSON Schema checks and completes the file when its first line is
`# yaml-language-server: $schema=docs/interlock.schema.json`.

Durations are `250ms`, `15s`, `10m`, `2h`, `14d`; sizes are bytes or `64KiB`, `32MiB`, `10GiB`. A key that is
left out keeps its default, also within a block that is given in part. Secrets are references: `env:NAME` or
`file:PATH`.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema of the whole file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "interlock.yaml",
        "description": "Configuration of Interlock, a routing control plane and gateway for LLM APIs.",
        **ROOT.schema(),
    }


def schema_text() -> str:
    """The schema as committed."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def reference_text() -> str:
    """The docs page as committed."""
    parts = [_HEAD, *("\n".join(_section_lines(key)) for key in ROOT.keys)]
    rows = [f"| `{PREFIX}{name}` | {doc} |" for name, doc in VARIABLES.items()]
    parts.append("\n".join(["## Environment", "", "| variable | meaning |", "|---|---|", *rows]))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def explain(section: str) -> str | None:
    """One section for a terminal, or None when there is none of that name."""
    key = next((key for key in ROOT.keys if key.name == section), None)
    if key is None:
        return None
    lines = [f"{key.name}: {key.doc}."]
    for path, inner, default in _rows(key):
        lines.append(f"  {path:<36} {inner.doc}")
        lines.append(f"  {'':<36} {inner.kind.words}{_default_words(default)}")
    return "\n".join(lines)


def unknown_section(section: str) -> str:
    """The sentence for a section that does not exist."""
    names = [key.name for key in ROOT.keys]
    near = nearest(section, names)
    return f"there is no section `{section}`. " + (
        f"Did you mean `{near}`?" if near else f"Sections: {', '.join(names)}."
    )


def _section_lines(key: Key) -> Iterator[str]:
    yield from (f"## `{key.name}`", "", f"{key.doc}.", "")
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for path, inner, default in _rows(key):
        cells = [f"`{path}`", inner.kind.words, _default_cell(default), inner.doc]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    if key.name == "providers":
        yield ""
        yield "Built in by name:"
        yield ""
        yield "| name | base_url | apis |"
        yield "|---|---|---|"
        for name, known in WELL_KNOWN.items():
            yield f"| `{name}` | `{known.base_url}` | {', '.join(known.apis)} |"


def _rows(key: Key) -> Iterator[tuple[str, Key, object]]:
    """Every key below a section: its path, itself and its default."""
    prefix = "<name>." if isinstance(key.kind, MapOf) else ""
    block = key.kind.inside
    if block is not None:
        yield from _block_rows(block, prefix)


def _block_rows(block: Block[Any], prefix: str) -> Iterator[tuple[str, Key, object]]:
    for key in block.keys:
        inside = key.kind.inside
        # the policy of one pool or target repeats the section `policy`
        whole = inside is None or (key.name == "policy" and prefix)
        if whole or inside is None or key.name in {"members", "labels"}:
            yield f"{prefix}{key.name}", key, NODEFAULT if key.required or inside else block.default(key)
        if inside is not None and not whole:
            step = f"{key.name}[]." if key.name == "members" else f"{key.name}."
            yield from _block_rows(inside, f"{prefix}{step}")


def _default_cell(default: object) -> str:
    return "" if default is NODEFAULT or default == "" else f"`{_yaml(default)}`"


def _default_words(default: object) -> str:
    return "" if default is NODEFAULT else f" (default {_yaml(default)})"


def _yaml(value: object) -> str:
    """A default as the file would say it, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    quoted = isinstance(value, str) and (value != value.strip() or not value)
    return text if quoted else text.replace('"', "")


def main(folder: str = "docs") -> None:
    """Write both files."""
    Path(folder, SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    Path(folder, REFERENCE_FILE).write_text(reference_text(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:2])
