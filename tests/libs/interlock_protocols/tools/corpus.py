"""Schemas of tools as they are sent: tests/data/tool_schemas, and what upstreams are known to ask of them.

A case without repairs is one that passes untouched. Each names where its shape is from: a vendor's
documentation, an MCP server, a generator with its version, or the thread in which it was refused.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from msgspec import Raw, Struct

DATA = Path(__file__).parents[3] / "data" / "tool_schemas"


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One schema, byte by byte."""

    name: str
    source: str
    repairs: tuple[str, ...]
    schema: Raw

    @property
    def text(self) -> bytes:
        """The schema as it is sent."""
        return bytes(self.schema)


def cases(family: str) -> list[Case]:
    """The cases of one file, in order."""
    return msgspec.json.decode((DATA / f"{family}.json").read_bytes(), type=list[Case])


def families() -> list[str]:
    """The names of the files."""
    return sorted(path.stem for path in DATA.glob("*.json"))


def against_draft_2020_12(schema: Any) -> None:
    """Anthropic, SGLang: the schema is one by the metaschema. Raises."""
    Draft202012Validator.check_schema(schema)


def against_the_rules(schema: Any) -> list[str]:
    """What OpenAI, Anthropic, Gemini, Kimi, LM Studio or llama.cpp would refuse, beyond the metaschema."""
    found = [] if schema.get("type") == "object" else ["the root is no object"]
    found += [] if type(schema.get("properties")) is dict else ["the root has no properties"]
    found += [f"{key} at the root" for key in ("anyOf", "oneOf", "allOf", "not", "enum") if key in schema]
    for node in nodes(schema):
        kinds = node.get("type")
        if kinds == "array" or (type(kinds) is list and "array" in kinds):
            found += [] if "items" in node else ["an array without items"]
        found += [f"{key} is true" for key, held in node.get("properties", {}).items() if held is True]
        found += [f"no {name} to require" for name in _unknown(node)]
        reference = node.get("$ref", "")
        if reference.startswith("#/") and not _leads(schema, reference):
            found.append(f"{reference} leads nowhere")
    return found


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and every schema that describes a part of its values."""
    if type(schema) is not dict:
        return
    yield schema
    for key in ("properties", "$defs", "definitions"):
        for inner in schema.get(key, {}).values():
            yield from nodes(inner)
    for key in ("items", "additionalProperties"):
        yield from nodes(schema.get(key))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(key, ()):
            yield from nodes(inner)


def _unknown(node: dict[str, Any]) -> set[str]:
    if "properties" not in node or not {"anyOf", "oneOf", "allOf", "$ref"}.isdisjoint(node):
        return set()
    return {name for name in node.get("required", ()) if name not in node["properties"]}


def _leads(schema: Any, reference: str) -> bool:
    found = schema
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if type(found) is list and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif type(found) is dict and name in found:
            found = found[name]
        else:
            return False
    return type(found) in (dict, bool)


def read(text: bytes) -> Any:
    """JSON as the tests compare it."""
    return json.loads(text)
