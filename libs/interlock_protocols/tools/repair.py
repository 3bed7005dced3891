"""The repair of one schema and of all schemas inside it, place by place; `root` has those of the root.

Rule: a part that needs no repair comes back as the same object, so that "nothing was changed" is one
comparison. Values that only look like schemas (in `enum`, `const`, `default`, `examples`, in keywords that
the vocabulary does not have) are never looked into.
"""

from typing import Any, Final, NamedTuple

from interlock_protocols.splice.exact import Number
from interlock_protocols.tools.beside import beside
from interlock_protocols.tools.keywords import KEYWORDS, SCALAR_FITS, TYPES, Kind, type_named
from interlock_protocols.tools.rules import Repair, Repairs, any_value

MAX_DEPTH: Final = 100
"""Schemas inside schemas: ten times what OpenAI takes in strict tools. Deeper ones pass as they are."""

MAX_SCHEMAS: Final = 50_000
"""Schemas, those inside schemas counted too, that are looked at for one request: 0.1 s of work, 0.3 where all
need repair. The largest set of tools that was seen, 597 of one MCP server, has some 6,000."""

GONE: Final = object()
"""In place of a keyword's value: the keyword is left out."""


class TooMuch(Exception):
    """More schemas than are looked at, or deeper ones."""


class Effort:
    """How many schemas may still be looked at for one request."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_SCHEMAS) -> None:
        self.left = left


class Role(NamedTuple):
    """What may be said of a schema by looking at it alone."""

    infers: bool
    """What stands beside a missing type tells it."""
    complete: bool
    """It has all its properties itself."""


WHOLE: Final = Role(infers=True, complete=True)
ROOT: Final = Role(infers=False, complete=True)
BRANCH: Final = Role(infers=True, complete=False)
"""An alternative: what it leaves out may stand beside the union."""
PART: Final = Role(infers=False, complete=False)
"""A condition or a constraint on what something else describes."""

_ROLES: Final = {
    "anyOf": BRANCH,
    "oneOf": BRANCH,
    "allOf": PART,
    "not": PART,
    "if": PART,
    "then": PART,
    "else": PART,
    "contains": PART,
    "propertyNames": PART,
    "dependentSchemas": PART,
}
"""The role of what a keyword holds; WHOLE where it is not named here."""


class SchemaRepair:
    """One pass over a schema; `refers`: it refers to other schemas."""

    __slots__ = ("deepest", "effort", "refers", "repairs")

    def __init__(self, repairs: Repairs, effort: Effort, deepest: int = MAX_DEPTH) -> None:
        self.repairs = repairs
        self.effort = effort
        self.deepest = deepest
        self.refers = False

    def schema(self, value: Any, role: Role, depth: int = 0) -> Any:
        """The schema, repaired where it has to be. Raises TooMuch."""
        self.effort.left -= 1
        if depth > self.deepest or self.effort.left < 0:
            raise TooMuch
        if type(value) is not dict:
            return self._no_object(value)
        out = value
        for key, held in value.items():
            read = _READ.get(key)
            if read is None or (read is _text and type(held) is str):
                continue
            new = read(self, key, held, role, depth)
            if new is not held:
                if out is value:
                    out = dict(value)
                if new is GONE:
                    del out[key]
                else:
                    out[key] = new
        return beside(self.repairs, value, out, infers=role.infers, complete=role.complete)

    def _no_object(self, value: Any) -> Any:
        if value is False:
            return value
        if value is True:
            self.repairs.add(Repair.BOOLEAN_SCHEMA)
            return any_value()
        self.repairs.add(Repair.UNREADABLE)
        name = type_named(value) if type(value) is str else None
        return any_value() if name is None else {"type": name}

    def _inner(self, key: str, value: Any, role: Role, depth: int) -> Any:
        return self.schema(value, PART if role is PART else _ROLES.get(key, WHOLE), depth + 1)

    def _one(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is list:
            return self._each(key, held, role, depth)
        return self._inner(key, held, role, depth) if type(held) in _SCHEMAS else self._gone()

    def _bound(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is bool:
            return held
        return self._inner(key, held, role, depth) if type(held) is dict else self._gone()

    def _map(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is not dict:
            if held != []:
                return self._gone()
            self.repairs.add(Repair.LIST_FOR_OBJECT)
            return {}
        out = held
        for name, inner in held.items():
            new = self._inner(key, inner, role, depth)
            if new is not inner:
                if out is held:
                    out = dict(held)
                out[name] = new
        return out

    def _some(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is dict:
            self.repairs.add(Repair.UNREADABLE)
            return [self._inner(key, held, role, depth)]
        return self._each(key, held, role, depth) if type(held) is list and held else self._gone()

    def _each(self, key: str, held: list[Any], role: Role, depth: int) -> Any:
        union = key in ("anyOf", "oneOf")
        out: list[Any] = []
        for inner in held:
            bare = union and (inner is None or (type(inner) is str and inner in TYPES))
            if bare:
                self.repairs.add(Repair.NULL_IN_UNION)
                out.append({"type": inner or "null"})
            else:
                out.append(inner if type(inner) is bool else self._inner(key, inner, role, depth))
        return held if all(new is old for new, old in zip(out, held, strict=True)) else out

    def _type(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is str:
            return held if held in TYPES else self._type_name(held)
        if type(held) is not list:
            return self._gone()
        if held and all(type(name) is str and name in TYPES for name in held) and len(set(held)) == len(held):
            return held
        if None in held:
            self.repairs.add(Repair.NULL_IN_UNION)
        names = ["null" if name is None else self._type_name(name) for name in held]
        names = [name for name in names if name is not GONE]
        once = list(dict.fromkeys(names))
        if len(once) < len(names):
            self.repairs.add(Repair.REPEATED)
        return once or self._gone()

    def _type_name(self, word: Any) -> Any:
        if type(word) is str and word in TYPES:
            return word
        self.repairs.add(Repair.TYPE_NAME)
        name = type_named(word) if type(word) is str else None
        return GONE if name is None else name

    def _names(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is bool:
            self.repairs.add(Repair.REQUIRED_FLAG)
            return GONE
        if type(held) is not list:
            return self._gone()
        names = list(dict.fromkeys(name for name in held if type(name) is str))
        if len(names) == len(held):
            return held
        self.repairs.add(Repair.REPEATED if all(type(name) is str for name in held) else Repair.UNREADABLE)
        return names or self._gone()

    def _enum(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is not list:
            return self._gone()
        if not held and Repair.EMPTY_ENUM not in self.repairs.spared:
            self.repairs.add(Repair.EMPTY_ENUM)
            return GONE
        texts = [value for value in held if type(value) is str]
        if len(set(texts)) == len(texts):
            return held
        self.repairs.add(Repair.REPEATED)
        first = {value: at for at, value in reversed(list(enumerate(held))) if type(value) is str}
        return [value for at, value in enumerate(held) if type(value) is not str or first[value] == at]

    def _limit(self, key: str, held: Any, role: Role, depth: int) -> Any:
        return held if type(held) is Number or type(held) is bool else self._gone()

    def _examples(self, key: str, held: Any, role: Role, depth: int) -> Any:
        if type(held) is list:
            return held
        gone = self._gone()
        return gone if held is None else [held]

    def _text(self, key: str, held: Any, role: Role, depth: int) -> Any:
        return held if type(held) is str else self._gone()

    def _reference(self, key: str, held: Any, role: Role, depth: int) -> Any:
        self.refers = True
        return held if type(held) is str else self._gone()

    def _scalar(self, key: str, held: Any, role: Role, depth: int) -> Any:
        return held if SCALAR_FITS[KEYWORDS[key]](held) else self._gone()

    def _gone(self) -> Any:
        self.repairs.add(Repair.UNREADABLE)
        return GONE


_SCHEMAS: Final = (dict, bool, str)
_text: Final = SchemaRepair._text
_READERS: Final = {
    **dict.fromkeys(SCALAR_FITS, SchemaRepair._scalar),
    Kind.TEXT: SchemaRepair._text,
    Kind.REFERENCE: SchemaRepair._reference,
    Kind.TYPE: SchemaRepair._type,
    Kind.SCHEMA: SchemaRepair._one,
    Kind.BOUND: SchemaRepair._bound,
    Kind.SCHEMAS: SchemaRepair._some,
    Kind.MAP: SchemaRepair._map,
    Kind.NAMES: SchemaRepair._names,
    Kind.ENUM: SchemaRepair._enum,
    Kind.LIMIT: SchemaRepair._limit,
    Kind.EXAMPLES: SchemaRepair._examples,
}
_READ: Final = {key: _READERS[kind] for key, kind in KEYWORDS.items()}
