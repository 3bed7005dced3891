"""Repairs that depend on what stands beside a keyword in the same schema.

Rule: called once the keywords have been read one by one, so each that is left can be read. The schema of the
request is never written to: whoever changes something makes a copy.
"""

from typing import Any, Final

from interlock_protocols.splice.exact import Number
from interlock_protocols.tools.keywords import COMBINING, type_of
from interlock_protocols.tools.rules import Repair, Repairs, any_value

Schema = dict[str, Any]

_SINGLE: Final = frozenset(("string", "integer", "number", "boolean", "null"))
_LIMITS: Final = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_SPEAK_OF: Final = (
    ("object", frozenset(("properties",))),
    ("array", frozenset(("items", "prefixItems"))),
    ("string", frozenset(("pattern", "minLength", "maxLength"))),
    ("number", frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))),
)
"""Keywords that mean something for one type only."""

_LONGEST_TUPLE: Final = 16
"""Places of a tuple that are compared with one another; real ones have two to four."""


def beside(repairs: Repairs, given: Schema, schema: Schema, *, infers: bool, complete: bool) -> Schema:
    """The schema with what its keywords ask of one another. `given`: as it came; `schema` may be it."""
    if infers and "type" not in schema:
        schema = _missing_type(repairs, schema)
    if "enum" in schema and Repair.NULL_IN_ENUM not in repairs.spared:
        schema = _null_in_enum(repairs, schema)
    if "exclusiveMinimum" in schema or "exclusiveMaximum" in schema:
        schema = _old_limits(repairs, schema)
    kind = schema.get("type")
    if type(kind) is str and kind in _SINGLE:
        return schema
    schema = _array(repairs, schema, kind)
    return _object(repairs, given, schema, complete=complete) if "properties" in schema else schema


def _missing_type(repairs: Repairs, schema: Schema) -> Schema:
    if not COMBINING.isdisjoint(schema):
        return schema
    kind: Any = None
    if "enum" in schema:
        kind = type_of(schema["enum"])
    elif "const" in schema:
        kind = type_of([schema["const"]])
    else:
        spoken_of = [name for name, words in _SPEAK_OF if not words.isdisjoint(schema)]
        kind = spoken_of[0] if len(spoken_of) == 1 else None
    if kind is None:
        return schema
    repairs.add(Repair.MISSING_TYPE)
    return schema | {"type": kind}


def _null_in_enum(repairs: Repairs, schema: Schema) -> Schema:
    kind = schema.get("type")
    kinds = kind if type(kind) is list else [kind]
    if kind is None or "null" in kinds or not any(value is None for value in schema["enum"]):
        return schema
    repairs.add(Repair.NULL_IN_ENUM)
    return schema | {"type": [*kinds, "null"]}


def _old_limits(repairs: Repairs, schema: Schema) -> Schema:
    for above, limit in _LIMITS:
        flag = schema.get(above)
        if type(flag) is not bool:
            continue
        repairs.add(Repair.OLD_LIMIT)
        schema = dict(schema)
        if flag and limit in schema:
            schema[above] = schema.pop(limit)
        else:
            del schema[above]
    return schema


def _array(repairs: Repairs, schema: Schema, kind: Any) -> Schema:
    if type(schema.get("items")) is list:
        schema = _tuple(repairs, schema)
    if "items" in schema or Repair.MISSING_ITEMS in repairs.spared:
        return schema
    if not (kind == "array" or (type(kind) is list and "array" in kind)):
        return schema
    repairs.add(Repair.MISSING_ITEMS)
    return schema | {"items": _items(schema)}


def _items(schema: Schema) -> Any:
    prefix, most = schema.get("prefixItems"), schema.get("maxItems")
    if not prefix or most is None or most > len(prefix) or len(prefix) > _LONGEST_TUPLE:
        return any_value()
    different: list[Any] = []
    for one in prefix:
        if one not in different:
            different.append(one)
    return prefix[0] if len(different) == 1 else {"anyOf": different}


def _tuple(repairs: Repairs, schema: Schema) -> Schema:
    repairs.add(Repair.TUPLE)
    rest = schema.get("additionalItems")
    out: Schema = {}
    for key, held in schema.items():
        if key == "items":
            if held and "prefixItems" not in schema:
                out["prefixItems"] = held
        elif key != "additionalItems":
            out[key] = held
    if type(rest) is dict:
        out["items"] = rest
    elif rest is False and "maxItems" not in out:
        out["maxItems"] = Number(str(len(out.get("prefixItems", ()))))
    return out


def _object(repairs: Repairs, given: Schema, schema: Schema, *, complete: bool) -> Schema:
    if Repair.REQUIRED_FLAG in repairs.found:
        schema = _named(given, schema)
    if not complete or "required" not in schema or Repair.UNKNOWN_REQUIRED in repairs.spared:
        return schema
    properties, required = schema["properties"], schema["required"]
    known = [name for name in required if name in properties]
    if len(known) == len(required) or "patternProperties" in schema or not COMBINING.isdisjoint(schema):
        return schema
    repairs.add(Repair.UNKNOWN_REQUIRED)
    out = schema | {"required": known}
    if not known:
        del out["required"]
    return out


def _named(given: Schema, schema: Schema) -> Schema:
    """With the names of the properties that said of themselves that they are required."""
    properties, required = given.get("properties"), schema.get("required", [])
    flagged = properties.items() if type(properties) is dict else ()
    names = [name for name, inner in flagged if type(inner) is dict and inner.get("required") is True]
    return schema | {"required": list(dict.fromkeys((*required, *names)))} if names else schema
