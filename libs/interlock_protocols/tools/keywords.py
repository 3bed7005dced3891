"""The vocabulary of JSON Schema as data: which keyword holds what, and which words name a type.

It owns draft 2020-12, which Anthropic validates tools against, and the earlier spellings that are still used.
Rule: a keyword that is not here is nobody's business and passes. A validator in its place was dropped: it
says that a schema is wrong and not what would be right, and costs a hundred times as much.
"""

import re
from enum import Enum
from typing import Any, Final

from interlock_protocols.splice.exact import Number


class Kind(Enum):
    """What a keyword holds."""

    TYPE = "a type, or several"
    SCHEMA = "a schema"
    BOUND = "a schema, or whether anything more is allowed"
    SCHEMAS = "alternatives or parts, each a schema"
    MAP = "schemas by name"
    NAMES = "names, each once"
    ENUM = "the values there are"
    LIMIT = "a number; in draft 4 a flag beside another limit"
    TEXT = "text"
    REFERENCE = "text that leads to another schema"
    FLAG = "true or false"
    NUMBER = "a number"
    FACTOR = "a number above 0"
    COUNT = "a whole number from 0 on"
    EXAMPLES = "values"
    OBJECT = "an object that is not looked into"


KEYWORDS: Final[dict[str, Kind]] = {
    "type": Kind.TYPE,
    "properties": Kind.MAP,
    "patternProperties": Kind.MAP,
    "$defs": Kind.MAP,
    "definitions": Kind.MAP,  # draft 7 and before
    "dependentSchemas": Kind.MAP,
    "items": Kind.SCHEMA,
    "prefixItems": Kind.SCHEMAS,
    "additionalItems": Kind.BOUND,  # draft 7 and before
    "additionalProperties": Kind.BOUND,
    "unevaluatedItems": Kind.BOUND,
    "unevaluatedProperties": Kind.BOUND,
    "contains": Kind.BOUND,
    "propertyNames": Kind.BOUND,
    "not": Kind.BOUND,
    "if": Kind.BOUND,
    "then": Kind.BOUND,
    "else": Kind.BOUND,
    "anyOf": Kind.SCHEMAS,
    "oneOf": Kind.SCHEMAS,
    "allOf": Kind.SCHEMAS,
    "required": Kind.NAMES,
    "enum": Kind.ENUM,
    "exclusiveMinimum": Kind.LIMIT,
    "exclusiveMaximum": Kind.LIMIT,
    "minimum": Kind.NUMBER,
    "maximum": Kind.NUMBER,
    "multipleOf": Kind.FACTOR,
    "minLength": Kind.COUNT,
    "maxLength": Kind.COUNT,
    "minItems": Kind.COUNT,
    "maxItems": Kind.COUNT,
    "minContains": Kind.COUNT,
    "maxContains": Kind.COUNT,
    "minProperties": Kind.COUNT,
    "maxProperties": Kind.COUNT,
    "uniqueItems": Kind.FLAG,
    "deprecated": Kind.FLAG,
    "readOnly": Kind.FLAG,
    "writeOnly": Kind.FLAG,
    "title": Kind.TEXT,
    "description": Kind.TEXT,
    "format": Kind.TEXT,
    "pattern": Kind.TEXT,
    "contentEncoding": Kind.TEXT,
    "contentMediaType": Kind.TEXT,
    "contentSchema": Kind.BOUND,
    "$ref": Kind.REFERENCE,
    "$schema": Kind.TEXT,
    "$id": Kind.TEXT,
    "$anchor": Kind.TEXT,
    "$dynamicRef": Kind.TEXT,
    "$dynamicAnchor": Kind.TEXT,
    "$comment": Kind.TEXT,
    "examples": Kind.EXAMPLES,
    "dependencies": Kind.OBJECT,  # draft 7 and before
    "dependentRequired": Kind.OBJECT,
    "$vocabulary": Kind.OBJECT,
}

COMBINING: Final = frozenset(("anyOf", "oneOf", "allOf", "not", "if", "$ref", "$dynamicRef"))
"""Keywords by which other schemas speak of the same value: what is missing here may stand there."""

TYPES: Final = frozenset(("null", "boolean", "object", "array", "number", "string", "integer"))

_ALIASES: Final = {
    "str": "string",
    "text": "string",
    "varchar": "string",
    "char": "string",
    "uuid": "string",
    "date": "string",
    "datetime": "string",
    "int": "integer",
    "long": "integer",
    "bigint": "integer",
    "float": "number",
    "double": "number",
    "decimal": "number",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "dict": "object",
    "map": "object",
    "none": "null",
}
"""Names that programming languages and databases give the seven types."""

_WORD: Final = re.compile(r"[a-z]+")

SCALAR_FITS: Final = {
    Kind.FLAG: lambda value: type(value) is bool,
    Kind.NUMBER: lambda value: type(value) is Number,
    Kind.FACTOR: lambda value: type(value) is Number and value > 0,
    Kind.COUNT: lambda value: type(value) is Number and value.whole and value >= 0,
    Kind.OBJECT: lambda value: type(value) is dict,
}
"""Whether a value is what a keyword of the kind holds, for kinds that are not looked into."""


def type_named(word: str) -> str | None:
    """The type that a word means, `list[str]` and `STRING` included; None: no type, or any."""
    if word in TYPES:
        return word
    found = _WORD.match(word.lower())
    name = found.group() if found else ""
    return name if name in TYPES else _ALIASES.get(name)


def type_of(values: list[Any]) -> str | list[str] | None:
    """The type that all these values have, null aside; None: they have several, or none."""
    kinds = {_type_of(value) for value in values}
    plain = kinds - {"null"}
    if plain == {"integer", "number"}:
        plain = {"number"}
    if len(plain) != 1 or plain <= {"object", "array"}:
        return None
    name = plain.pop()
    return [name, "null"] if "null" in kinds else name


def _type_of(value: Any) -> str:
    if type(value) is Number:
        return "integer" if value.whole else "number"
    return _NAMES[type(value)]


_NAMES: Final = {str: "string", bool: "boolean", type(None): "null", dict: "object", list: "array"}
