"""Kinds made of other kinds: blocks of keys, maps, lists, and values with a word of their own.

A block declares its keys once: name, kind and meaning. Its defaults are those of the struct it
reads into, so a number has one home. Rule: a partial block keeps what was in force for every key it does
not name; a key without a value (`policy:` with nothing below it) is an empty block.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.place import (
    REFUSED,
    JsonSchema,
    Kind,
    Place,
    Plain,
    nearest_hint,
    shown,
    sort_of,
    step_of,
)
from interlock_domain.catalog.kinds.scalars import Duration

T = TypeVar("T", bound=Struct)


class Key(Struct, frozen=True):
    """One key of a block; `into` is the attribute it fills, when that has another name."""

    name: str
    kind: Kind
    doc: str
    into: str | None = None
    required: bool = False

    @property
    def attribute(self) -> str:
        return self.into or self.name


def span(name: str, doc: str, *, low_ms: int = 1) -> Key:
    """A key that holds a duration; its attribute says the unit."""
    return Key(name, Duration(low_ms), doc, into=f"{name}_ms")


class Block(Struct, Generic[T], frozen=True):
    """A mapping with known keys, read into `struct`.

    `elsewhere`: keys that exist, but in another place, each with the sentence that names it.
    `ascending`: pairs of keys of which the first must not exceed the second.
    """

    struct: type[T]
    keys: tuple[Key, ...]
    elsewhere: dict[str, str] = {}
    ascending: tuple[tuple[str, str], ...] = ()

    def read(self, raw: object, place: Place, base: Any = None) -> Any:
        given = self.given(raw, place, base)
        if given is REFUSED:
            return REFUSED
        result = self.struct(**given) if base is None else msgspec.structs.replace(base, **given)
        self._check_order(result, place)
        return result

    def given(self, raw: object, place: Place, base: object = None) -> Any:
        """Attribute -> value for the keys that are there and readable; REFUSED when raw is no block."""
        if raw is None:
            raw = {}
        if not isinstance(raw, Mapping):
            return place.refuse(
                IssueCode.WRONG_TYPE, f"{place.words} wants a block of keys, not {sort_of(raw)}"
            )
        known = {key.name: key for key in self.keys}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            key = known.get(name) if isinstance(name, str) else None
            if key is None:
                self._refuse_key(step_of(name), place)
                continue
            read = key.kind.read(value, place.at(key.name), getattr(base, key.attribute, None))
            if read is not REFUSED:
                values[key.attribute] = read
        for key in self.keys:
            if key.required and key.name not in raw:
                place.refuse_whole(
                    IssueCode.MISSING, f"{place.words} has no `{key.name}`", f"Add `{key.name}`: {key.doc}."
                )
        return values

    def _refuse_key(self, name: str, place: Place) -> None:
        if name in self.elsewhere:
            message = f"`{name}` has no effect in {place.words}"
            place.key(name).refuse(IssueCode.WRONG_SCOPE, message, self.elsewhere[name])
            return
        known = [key.name for key in self.keys]
        hint = nearest_hint(name, known, f"Known here: {', '.join(known)}.")
        place.key(name).refuse(IssueCode.UNKNOWN_KEY, f"unknown key {shown(name)} in {place.words}", hint)

    def _check_order(self, value: T, place: Place) -> None:
        attributes = {key.name: key.attribute for key in self.keys}
        for low, high in self.ascending:
            if getattr(value, attributes[low]) > getattr(value, attributes[high]):
                message = f"`{low}` must not exceed `{high}` in {place.words}"
                place.refuse_whole(IssueCode.OUT_OF_RANGE, message, f"Raise `{high}` or lower `{low}`.")

    def write(self, value: T) -> dict[str, object]:
        return {key.name: key.kind.write(getattr(value, key.attribute)) for key in self.keys}

    def default(self, key: Key) -> object:
        """The default of a key as the file would say it; NODEFAULT: none, or its own keys have theirs."""
        if isinstance(key.kind, Block):
            return NODEFAULT
        for field in msgspec.structs.fields(self.struct):
            if field.name == key.attribute:
                if field.default is not NODEFAULT:
                    return key.kind.write(field.default)
                if field.default_factory is not NODEFAULT:
                    return key.kind.write(field.default_factory())
        return NODEFAULT

    def schema(self) -> JsonSchema:
        properties = {}
        for key in self.keys:
            default = NODEFAULT if key.required else self.default(key)
            extra = {} if default is NODEFAULT else {"default": default}
            properties[key.name] = {**key.kind.schema(), "description": key.doc, **extra}
        required = [key.name for key in self.keys if key.required]
        return {
            "type": ["object", "null"],
            "properties": properties,
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }

    @property
    def words(self) -> str:
        return "a block of keys"

    @property
    def inside(self) -> "Block[Any] | None":
        return self


class MapOf(Struct, frozen=True):
    """A mapping with free keys; values know their key as the last step of their place."""

    names: Kind
    values: Kind

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {sort_of(raw)}")
        read: dict[str, Any] = {}
        for key, value in raw.items():
            name = self.names.read(key, place.key(step_of(key)))
            if name is REFUSED:
                continue
            entry = self.values.read(value, place.at(name))
            if entry is not REFUSED:
                read[name] = entry
        return read

    def write(self, value: dict[str, Any]) -> object:
        return {name: self.values.write(entry) for name, entry in value.items()}

    def schema(self) -> JsonSchema:
        names = {key: value for key, value in self.names.schema().items() if key != "type"}
        return {
            "type": ["object", "null"],
            "propertyNames": names,
            "additionalProperties": self.values.schema(),
        }

    @property
    def words(self) -> str:
        return f"a block: {self.names.words}, then {self.values.words}"

    @property
    def inside(self) -> "Block[Any] | None":
        return self.values.inside


class ListOf(Struct, frozen=True):
    """A list without repetitions; `identity` gives what must not repeat, `what` names it."""

    items: Kind
    identity: Callable[[Any], object] = lambda item: item
    what: str = "entry"

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if raw is None:
            return ()
        if not isinstance(raw, list | tuple):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {sort_of(raw)}")
        read: list[Any] = []
        seen: set[object] = set()
        for number, item in enumerate(raw):
            value = self.items.read(item, place.at(number))
            if value is REFUSED:
                continue
            identity = self.identity(value)
            if identity in seen:
                message = f"{self.what} {shown(identity)} is there twice in {place.words}"
                place.at(number).refuse(IssueCode.DUPLICATE, message, "Remove one of the two.")
            seen.add(identity)
            read.append(value)
        return tuple(read)

    def write(self, value: tuple[Any, ...]) -> object:
        return [self.items.write(item) for item in value]

    def schema(self) -> JsonSchema:
        return {"type": ["array", "null"], "items": self.items.schema()}

    @property
    def words(self) -> str:
        return f"a list: each {self.items.words}"

    @property
    def inside(self) -> "Block[Any] | None":
        return self.items.inside


class Or(Plain, Struct, frozen=True):
    """A kind, or one word (None: nothing, `null`) that stands for a value of its own."""

    word: str | None
    value: object
    kind: Kind

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        return self.value if raw == self.word else self.kind.read(raw, place, base)

    def write(self, value: object) -> object:
        return self.word if value == self.value else self.kind.write(value)

    def schema(self) -> JsonSchema:
        return {"anyOf": [{"const": self.word}, self.kind.schema()]}

    @property
    def words(self) -> str:
        return f"{f'`{self.word}`' if self.word else '`null`'} or {self.kind.words}"


def optional(kind: Kind) -> Or:
    """The kind, or null."""
    return Or(None, None, kind)
