"""Kinds that guard secrets: references, upstream headers, query parameters and URLs.

Rule: configuration goes into the event log, so no secret may stand in it, and no message here repeats
a value that could be one. A literal is refused by the *name* of its header or parameter, since a value
does not tell whether it is secret.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.place import JsonSchema, Place, Plain, shown, sort_of, step_of
from interlock_domain.catalog.kinds.scalars import QUOTES
from interlock_domain.catalog.provider import HeaderValue, SecretRef

_SENSITIVE: Final = re.compile("authorization|key|token|secret|cookie", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)|file:(.+)")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_URL: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[!-~]*)?")
_FORMS: Final = "Write env:NAME or file:PATH; the configuration goes into the event log, secrets do not."


def parse_reference(text: str) -> SecretRef | None:
    """The reference, or None when the text is none."""
    found = _REFERENCE.fullmatch(text) if text.isprintable() else None
    return SecretRef(env=found[1], file=found[2]) if found else None


def write_reference(ref: SecretRef) -> str:
    """The reference as the file says it."""
    return f"env:{ref.env}" if ref.env is not None else f"file:{ref.file}"


def is_sensitive(name: str) -> bool:
    """Does this header or parameter name promise a secret value."""
    return _SENSITIVE.search(name) is not None


class Reference(Plain, Struct, frozen=True):
    """`env:NAME`, `file:PATH`, or `none` for no secret at all."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if raw is None or raw == "none":
            return None
        ref = parse_reference(raw) if isinstance(raw, str) else None
        if ref is None:
            return place.refuse(
                IssueCode.LITERAL_SECRET, f"{place.words} wants a reference, not the secret", _FORMS
            )
        return ref

    def write(self, value: SecretRef | None) -> object:
        return "none" if value is None else write_reference(value)

    def schema(self) -> JsonSchema:
        return {"type": ["string", "null"], "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|none)$"}

    @property
    def words(self) -> str:
        return "`env:NAME`, `file:PATH` or `none`"


class ReferenceText(Reference, frozen=True):
    """The same, kept as it is written."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        ref = super().read(raw, place)
        return write_reference(ref) if isinstance(ref, SecretRef) else ref

    def write(self, value: Any) -> object:
        return "none" if value is None else value


class Headers(Plain, Struct, frozen=True):
    """Extra upstream headers: name -> literal or reference."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {sort_of(raw)}")
        read: dict[str, HeaderValue] = {}
        for name, value in raw.items():
            if not isinstance(name, str) or _HEADER_NAME.fullmatch(name) is None:
                place.key(step_of(name)).refuse(
                    IssueCode.BAD_NAME, f"{shown(name)} cannot be the name of a header"
                )
            elif name.lower() in read:
                message = f"header {shown(name.lower())} is there twice in {place.words}"
                place.key(name).refuse(
                    IssueCode.DUPLICATE, message, "Upper and lower case are the same header."
                )
            else:
                self._read_value(name, value, place, read)
        return read

    def _read_value(self, name: str, raw: object, place: Place, read: dict[str, HeaderValue]) -> None:
        value_place = place.at(name)
        if not isinstance(raw, str) or not raw.isprintable() or not raw.isascii():
            value_place.refuse(
                IssueCode.WRONG_TYPE, f"{value_place.words} wants one line of ASCII text", QUOTES
            )
            return
        ref = parse_reference(raw)
        if ref is None and is_sensitive(name):
            value_place.refuse(
                IssueCode.LITERAL_SECRET, f"{value_place.words} wants a reference, not a value", _FORMS
            )
            return
        read[name.lower()] = HeaderValue(ref=ref) if ref else HeaderValue(literal=raw)

    def write(self, value: dict[str, HeaderValue]) -> object:
        return {name: write_reference(held.ref) if held.ref else held.literal for name, held in value.items()}

    def schema(self) -> JsonSchema:
        return {"type": ["object", "null"], "additionalProperties": {"type": "string"}}

    @property
    def words(self) -> str:
        return "a block: header name, then text, `env:NAME` or `file:PATH`"


class Query(Plain, Struct, frozen=True):
    """Extra query parameters; they cannot hold references, so a secret belongs into a header."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {sort_of(raw)}")
        read: dict[str, str] = {}
        for name, value in raw.items():
            value_place = place.at(step_of(name))
            if (
                not isinstance(name, str)
                or not name.isprintable()
                or not isinstance(value, str)
                or not value.isprintable()
            ):
                value_place.refuse(
                    IssueCode.WRONG_TYPE, f"{value_place.words} wants one line of text", QUOTES
                )
            elif is_sensitive(name):
                message = f"{value_place.words} looks like a secret by its name"
                value_place.refuse(
                    IssueCode.LITERAL_SECRET, message, "Send it as a header from env: or file:."
                )
            else:
                read[name] = value
        return read

    def write(self, value: dict[str, str]) -> object:
        return dict(value)

    def schema(self) -> JsonSchema:
        return {"type": ["object", "null"], "additionalProperties": {"type": "string"}}

    @property
    def words(self) -> str:
        return "a block: parameter name, then text"


class Url(Plain, Struct, frozen=True):
    """An http(s) URL without userinfo; `bare`: no query or fragment either, no slash at the end."""

    bare: bool = False

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}")
        authority = re.split("[/?#]", raw.partition("://")[2], maxsplit=1)[0]
        if "@" in authority:
            message = f"{place.words} holds user or password"
            return place.refuse(
                IssueCode.LITERAL_SECRET, message, "Put the credential into `api_key` or a header."
            )
        if self.bare and ("?" in raw or "#" in raw):
            message = f"{place.words} wants an address without `?` and `#`"
            return place.refuse(IssueCode.BAD_URL, message, "Put query parameters into `query`.")
        if _URL.fullmatch(raw.partition("?")[0].partition("#")[0]) is None or not raw.isprintable():
            message = f"{place.words} wants {self.words}"
            return place.refuse(IssueCode.BAD_URL, message, "For example http://127.0.0.1:9001/v1.")
        return raw.rstrip("/") if self.bare else raw

    def write(self, value: str) -> object:
        return value

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^https?://[^@?#]+$" if self.bare else "^https?://"}

    @property
    def words(self) -> str:
        return "an http:// or https:// address"
