"""The generated files are current, and the schema knows what the parser knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from interlock_runtime.config_schema import (
    REFERENCE_FILE,
    SCHEMA_FILE,
    explain,
    main,
    reference_text,
    schema,
    schema_text,
    unknown_section,
)

ROOT = Path(__file__).parents[3]
REGENERATE = "run: python -m interlock_runtime.config_schema"
TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "docs" / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text(), REGENERATE


def test_the_committed_reference_is_current() -> None:
    assert (ROOT / "docs" / REFERENCE_FILE).read_text(encoding="utf-8") == reference_text(), REGENERATE


def test_both_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    main(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [REFERENCE_FILE, SCHEMA_FILE]


def fits(value: Any, wanted: dict[str, Any]) -> bool:
    """The part of JSON Schema that our schema uses."""
    if "anyOf" in wanted and not any(fits(value, one) for one in wanted["anyOf"]):
        return False
    if ("const" in wanted and value != wanted["const"]) or ("enum" in wanted and value not in wanted["enum"]):
        return False
    types = wanted.get("type", list(TYPES))
    if not any(_is(value, name) for name in ([types] if isinstance(types, str) else types)):
        return False
    return _fits_inside(value, wanted)


def _is(value: Any, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _fits_inside(value: Any, wanted: dict[str, Any]) -> bool:
    if isinstance(value, str):
        return len(value) >= wanted.get("minLength", 0) and bool(re.search(wanted.get("pattern", ""), value))
    if isinstance(value, list):
        return len(value) >= wanted.get("minItems", 0) and all(
            fits(item, wanted.get("items", {})) for item in value
        )
    if isinstance(value, dict):
        return _object_fits(value, wanted)
    if isinstance(value, int | float) and not isinstance(value, bool):
        above = bool(value > wanted.get("exclusiveMinimum", value - 1))
        return above and bool(wanted.get("minimum", value) <= value <= wanted.get("maximum", value))
    return True


def _object_fits(value: dict[str, Any], wanted: dict[str, Any]) -> bool:
    known, others = wanted.get("properties", {}), wanted.get("additionalProperties", {})
    if not set(wanted.get("required", ())) <= set(value):
        return False
    for key, inner in value.items():
        if not fits(key, wanted.get("propertyNames", {})):
            return False
        below = known.get(key, others)
        if below is False or not fits(inner, below):
            return False
    return True


@pytest.mark.parametrize("name", ["full.yaml", "small.yaml"])
def test_the_examples_of_the_manual_fit_the_schema(name: str) -> None:
    raw = YAML(typ="safe", pure=True).load((ROOT / "tests/data/config" / name).read_text(encoding="utf-8"))
    assert fits(raw, schema())


@pytest.mark.parametrize(
    "raw",
    [
        {"polcy": {}},
        {"policy": {"retry_on": [99]}},
        {"policy": {"attempts": {"deadline": 5}}},
        {"policy": {"streams": {"on_break": "resume"}}},
        {"pools": {"a/b": ["local/a"]}},
        {"pools": {"p": []}},
        {"pools": {"p": {"members": ["local/a"], "policy": {"cooldown": {}}}}},
        {"providers": {"x": {"api_key": "sk-1"}}},
        {"providers": {"x": {"base_url": "http://u:p@h"}}},
        {"keys": [{"name": "a", "sha256": "raw"}]},
        {"targets": {"llama": {}}},
    ],
)
def test_what_the_parser_refuses_by_its_form_the_schema_refuses_too(raw: dict[str, Any]) -> None:
    assert not fits(raw, schema())


def test_the_schema_says_meaning_and_default() -> None:
    connect = schema()["properties"]["policy"]["properties"]["timeouts"]["properties"]["connect"]
    assert connect["default"] == "5s"
    assert connect["description"] == "TCP and TLS"
    assert json.loads(schema_text()) == json.loads(json.dumps(schema()))


def test_a_section_is_explained_for_a_terminal() -> None:
    text = explain("pools")
    assert text is not None
    assert text.startswith("pools: Public model names and the targets behind them.")
    assert "<name>.strategy" in text
    assert "(default priority_failover)" in text
    assert explain("poolz") is None


def test_an_unknown_section_is_told_with_the_nearest_one() -> None:
    assert unknown_section("poolz") == "there is no section `poolz`. Did you mean `pools`?"
    assert unknown_section("zzzz").startswith("there is no section `zzzz`. Sections: providers, targets,")
