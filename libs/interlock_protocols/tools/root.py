"""The root of a tool's schema: the arguments of a call, which are an object whatever else is said of them.

Rule: what joins the root means there what it meant where it stood; where root and branch say different things
under one keyword, both stay as they are and the upstream decides. Unions that describe properties stay too
(see `rules.LEFT_ALONE`).
"""

from typing import Any, Final

from interlock_protocols.tools.keywords import COMBINING
from interlock_protocols.tools.references import resolve
from interlock_protocols.tools.rules import Repair, Repairs

Schema = dict[str, Any]

_UNIONS: Final = ("anyOf", "oneOf", "allOf")
_STEPS: Final = 8
"""References and unions of one that are followed at the root: generators write one, or one of each."""

_NO_OBJECT: Final = frozenset(("items", "prefixItems", "enum", "const"))
_WORDS_ONLY: Final = frozenset(("title", "description", "default", "examples", "$comment", "$schema", "$id"))
_CONSTRAINS: Final = frozenset(
    (
        "required",
        "not",
        "if",
        "then",
        "else",
        "type",
        "title",
        "description",
        "$comment",
        "dependentRequired",
        "minProperties",
        "maxProperties",
    )
)
"""Keywords of a branch that say which properties go together, and none what they are."""


def rooted(repairs: Repairs, schema: Schema) -> Schema:
    """The schema with a plain object at its root; the same one when there is nothing to change."""
    out = _joined(repairs, schema)
    kind = out.get("type")
    if type(kind) is list and "object" in kind:
        repairs.add(Repair.NULLABLE_ROOT)
        out = out | {"type": "object"}
    if type(out.get("properties")) is dict:
        out = _without_constraints(repairs, out)
    if not COMBINING.isdisjoint(out):
        return out
    if "type" not in out and _NO_OBJECT.isdisjoint(out):
        repairs.add(Repair.ROOT_TYPE)
        out = out | {"type": "object"}
    wanted = Repair.NO_PROPERTIES not in repairs.spared
    if wanted and out.get("type") == "object" and "properties" not in out:
        repairs.add(Repair.NO_PROPERTIES)
        out = out | {"properties": {}}
    return out


def _joined(repairs: Repairs, schema: Schema) -> Schema:
    """With what the root only refers to, or has as its one alternative."""
    done: set[Repair] = set()
    out = schema
    for _ in range(_STEPS):
        reference = out.get("$ref")
        if type(reference) is str:
            target = resolve(out, reference) if reference.startswith("#/") else None
            if type(target) is not dict:
                return schema  # out of this document
            key, branch, why = "$ref", target, Repair.ROOT_REFERENCE
        else:
            single = _single(out)
            if single is None:
                break
            key, branch, why = single
        merged = _merged(out, key, branch)
        if merged is None:
            break
        done.add(why)
        out = merged
    else:
        return schema  # round in circles, or made to be long
    repairs.found |= done
    return out


def _single(schema: Schema) -> tuple[str, Schema, Repair] | None:
    """The union that has one branch besides null: its keyword, that branch, and what it is called."""
    for key in _UNIONS:
        branches = schema.get(key)
        if type(branches) is not list:
            continue
        others = [
            one for one in branches if type(one) is not dict or one.get("type") != "null" or key == "allOf"
        ]
        if len(others) == 1 and type(others[0]) is dict:
            return key, others[0], Repair.ROOT_UNION if len(branches) == 1 else Repair.NULLABLE_ROOT
    return None


def _merged(schema: Schema, key: str, branch: Schema) -> Schema | None:
    """The schema with the members of a branch in place of one keyword; None: they do not go together."""
    out = {name: held for name, held in schema.items() if name != key}
    for name, held in branch.items():
        if name not in out:
            out[name] = held
        elif out[name] != held and name not in _WORDS_ONLY:
            return None
    return out


def _without_constraints(repairs: Repairs, schema: Schema) -> Schema:
    known = schema["properties"].keys()
    useless: list[str] = [
        key for key in _UNIONS if key in schema and all(_constrains(one, known) for one in schema[key])
    ]
    if "not" in schema:
        useless.append("not")
    if not useless:
        return schema
    repairs.add(Repair.ROOT_UNION)
    return {key: held for key, held in schema.items() if key not in useless}


def _constrains(branch: Any, known: Any) -> bool:
    """Whether a branch describes nothing that the root does not describe itself."""
    if type(branch) is not dict or branch.get("type", "object") != "object":
        return False
    for key, held in branch.items():
        if key in _UNIONS:
            if not all(_constrains(one, known) for one in held):
                return False
        elif key == "properties":
            if not held.keys() <= known:
                return False
        elif key not in _CONSTRAINS:
            return False
    return True
