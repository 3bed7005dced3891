"""Local references of a schema that lead nowhere, and where they were meant to lead.

Rule: a reference that leads somewhere is not touched. Generators that build a tool from parts leave the
definitions inside the part, or name the box of the document they came from; the name at the end of the
reference still tells which definition is meant. References into other documents, and by anchor, pass: only
whoever has those documents can say whether they lead anywhere.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

from interlock_protocols.tools.keywords import KEYWORDS, Kind
from interlock_protocols.tools.rules import Repair, Repairs, any_value

Schema = dict[str, Any]
Above = tuple[tuple[str, Schema], ...]
"""The schemas around a place that hold definitions, the nearest last, each with its pointer."""

_BOXES: Final = ("$defs", "definitions")
_BY_NAME: Final = re.compile(r"#/(?:\$defs|definitions|components/schemas)/([^/]+)")
_PLACE_IN_TUPLE: Final = re.compile(r"/items/(\d+)")
_MAPS: Final = frozenset(key for key, kind in KEYWORDS.items() if kind is Kind.MAP)
_HOLDS: Final = _MAPS | {
    key for key, kind in KEYWORDS.items() if kind in (Kind.SCHEMA, Kind.BOUND, Kind.SCHEMAS)
}
_WORDS_ONLY: Final = frozenset(("title", "description", "default", "examples", "$comment", *_BOXES))


def resolve(root: Schema, reference: str) -> Any:
    """What a reference of the form `#/...` leads to; None: nothing."""
    found: Any = root
    for step in reference[2:].split("/"):
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if type(found) is dict:
            found = found.get(name)
        elif type(found) is list and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def mended(repairs: Repairs, root: Schema) -> Schema:
    """The schema with every reference leading somewhere; the same object when none had to be changed."""
    out: Schema = _References(repairs, root).of(root, "", ())
    return out


class _References:
    def __init__(self, repairs: Repairs, root: Schema) -> None:
        self._repairs = repairs
        self._root = root

    def of(self, schema: Any, pointer: str, above: Above) -> Any:
        if type(schema) is not dict or ("$id" in schema and pointer):
            return schema  # under an id of its own, pointers begin there
        if not schema.keys().isdisjoint(_BOXES):
            above = (*above, (pointer, schema))
        reference = schema.get("$ref")
        out = schema
        if type(reference) is str and reference.startswith("#/") and not self._leads(reference):
            self._repairs.add(Repair.DANGLING_REFERENCE)
            out = self._led(schema, reference, above)
        for key, held in out.items():
            if key in _HOLDS:
                new = self._inside(held, f"{pointer}/{_escaped(key)}", above)
                if new is not held:
                    out = out | {key: new}
        return out

    def _inside(self, held: Any, pointer: str, above: Above) -> Any:
        """Of what a keyword holds: a schema, some, or some by name. A map holds no schema of its own."""
        if type(held) is list:
            some = [self.of(inner, f"{pointer}/{at}", above) for at, inner in enumerate(held)]
            return held if all(new is old for new, old in zip(some, held, strict=True)) else some
        if type(held) is not dict:
            return held
        if pointer.rpartition("/")[2] not in _MAPS:
            return self.of(held, pointer, above)
        out = held
        for name, inner in held.items():
            new = self.of(inner, f"{pointer}/{_escaped(name)}", above)
            if new is not inner:
                if out is held:
                    out = dict(held)
                out[name] = new
        return out

    def _leads(self, reference: str) -> bool:
        return type(resolve(self._root, reference)) in (dict, bool)

    def _led(self, schema: Schema, reference: str, above: Above) -> Schema:
        moved = _PLACE_IN_TUPLE.sub(r"/prefixItems/\1", reference).replace("/additionalItems", "/items")
        if self._leads(moved):
            return schema | {"$ref": moved}
        named = _BY_NAME.fullmatch(reference)
        if named is not None:
            for pointer, holder in reversed(above):
                for box in _BOXES:
                    meant = f"#{pointer}/{box}/{named[1]}"
                    if box in holder and self._leads(meant):
                        return schema | {"$ref": meant}
        rest = {key: held for key, held in schema.items() if key != "$ref"}
        return rest | any_value() if rest.keys() <= _WORDS_ONLY else rest


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
