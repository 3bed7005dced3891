"""Kinds of single values: text, names, flags, numbers, durations, sizes, choices.

Rule: nothing is coerced. `yes` is not true, `3` is not "3" and `1.10` is not a version: YAML has read
such a value differently from what was meant, so the hint says to put it into quotes.
"""

import re
from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.place import JsonSchema, Place, Plain, nearest_hint, shown
from interlock_domain.catalog.kinds.units import parse_duration, parse_size, write_duration, write_size

QUOTES: Final = "Put it into quotes."
TEN_YEARS_MS: Final = 3_652 * 86_400_000
"""No sensible duration is longer; the limit keeps sums of times far inside 64 bits."""
LARGEST: Final = 1_000_000_000_000
_NAME: Final = re.compile(r"[!-.0-~]{1,200}")


class Text(Plain, Struct, frozen=True):
    """One line of text without control characters."""

    may_be_empty: bool = False
    pattern: str | None = None
    what: str = "text"

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str):
            hint = QUOTES if isinstance(raw, bool | int | float) else ""
            return place.refuse(
                IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}", hint
            )
        # control characters would end a header line upstream; isprintable also refuses unpaired surrogates
        if not (raw or self.may_be_empty) or not raw.isprintable() or not self._fits(raw):
            return place.refuse(IssueCode.BAD_VALUE, f"{place.words} wants {self.words}")
        return raw

    def _fits(self, text: str) -> bool:
        return self.pattern is None or re.fullmatch(self.pattern, text) is not None

    def write(self, value: str) -> object:
        return value

    def schema(self) -> JsonSchema:
        limits: JsonSchema = {} if self.may_be_empty else {"minLength": 1}
        return {"type": "string", **limits, **({"pattern": f"^{self.pattern}$"} if self.pattern else {})}

    @property
    def words(self) -> str:
        return self.what


class Name(Plain, Struct, frozen=True):
    """A name: printable ASCII without spaces, since names travel in response headers and URLs.

    No slash: it separates provider and model. `known`: when given, the only names there are.
    """

    what: str = "a name"
    known: tuple[str, ...] | None = None
    unknown: IssueCode = IssueCode.UNKNOWN_POOL

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str):
            message = f"{place.words} wants {self.words}, not {shown(raw)}"
            return place.refuse(IssueCode.WRONG_TYPE, message, QUOTES)
        if _NAME.fullmatch(raw) is None:
            hint = "Use letters, digits and - _ . : only; a slash would read as `provider/model`."
            return place.refuse(IssueCode.BAD_NAME, f"{shown(raw)} cannot be {self.words}", hint)
        if self.known is not None and raw not in self.known:
            hint = nearest_hint(raw, self.known, "Declare it first.")
            return place.refuse(self.unknown, f"{place.words}: {shown(raw)} is not declared", hint)
        return raw

    def write(self, value: str) -> object:
        return value

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^[!-.0-~]+$"}

    @property
    def words(self) -> str:
        return self.what


class Flag(Plain, Struct, frozen=True):
    """True or false."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, bool):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}")
        return raw

    def write(self, value: bool) -> object:  # noqa: FBT001 - the value itself
        return value

    def schema(self) -> JsonSchema:
        return {"type": "boolean"}

    @property
    def words(self) -> str:
        return "`true` or `false`"


class Whole(Plain, Struct, frozen=True):
    """A whole number within limits."""

    low: int = 0
    high: int = LARGEST
    later: str | None = None
    """Names a feature that this version does not have: then only `low` is accepted."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if isinstance(raw, bool) or not isinstance(raw, int):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}")
        if not self.low <= raw <= self.high:
            return place.refuse(IssueCode.OUT_OF_RANGE, f"{place.words} wants {self.words}, not {shown(raw)}")
        if self.later is not None and raw > self.low:
            return not_available(place, self.later, f"Leave it at `{self.low}`.")
        return raw

    def write(self, value: int) -> object:
        return value

    def schema(self) -> JsonSchema:
        if self.later:
            return {"const": self.low}
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    @property
    def words(self) -> str:
        if self.later:
            return f"`{self.low}`"
        return f"a whole number {_range(self.low, self.high)}"


class Number(Plain, Struct, frozen=True):
    """A finite number within limits; `above` leaves the lower limit itself out."""

    low: float = 0.0
    high: float = float(LARGEST)
    above: bool = False

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}")
        # a comparison with NaN is false, so NaN is refused here as well
        if not self.low <= raw <= self.high or (self.above and raw == self.low):
            return place.refuse(IssueCode.OUT_OF_RANGE, f"{place.words} wants {self.words}, not {shown(raw)}")
        return float(raw)

    def write(self, value: float) -> object:
        return int(value) if value.is_integer() else value

    def schema(self) -> JsonSchema:
        return {
            "type": "number",
            "exclusiveMinimum" if self.above else "minimum": self.low,
            "maximum": self.high,
        }

    @property
    def words(self) -> str:
        if self.above:
            return f"a number above {_digits(self.low)}" + (
                "" if self.high == LARGEST else f" up to {_digits(self.high)}"
            )
        return f"a number {_range(self.low, self.high)}"


class Duration(Plain, Struct, frozen=True):
    """A duration, kept in milliseconds."""

    low_ms: int = 1

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        ms = parse_duration(raw) if isinstance(raw, str) else None
        if ms is None:
            hint = "Write a number and a unit: 250ms, 15s, 10m, 2h, 14d."
            return place.refuse(
                IssueCode.BAD_DURATION, f"{place.words} wants a duration, not {shown(raw)}", hint
            )
        if not self.low_ms <= ms <= TEN_YEARS_MS:
            return place.refuse(IssueCode.OUT_OF_RANGE, f"{place.words} wants {self.words}, not {shown(raw)}")
        return ms

    def write(self, value: int) -> object:
        return write_duration(value)

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})?(ms|s|m|h|d)$"}

    @property
    def words(self) -> str:
        return "a duration above 0s" if self.low_ms == 1 else f"a duration from {write_duration(self.low_ms)}"


class Size(Plain, Struct, frozen=True):
    """A number of bytes, plain or with a unit."""

    low: int = 1

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        size = parse_size(raw) if isinstance(raw, str) else raw
        if isinstance(size, bool) or not isinstance(size, int):
            hint = "Write a number of bytes or one with a unit: 65536, 64KiB, 32MiB, 10GiB."
            return place.refuse(IssueCode.BAD_SIZE, f"{place.words} wants a size, not {shown(raw)}", hint)
        if not self.low <= size <= 1024**5:
            return place.refuse(IssueCode.OUT_OF_RANGE, f"{place.words} wants {self.words}, not {shown(raw)}")
        return size

    def write(self, value: int) -> object:
        return write_size(value)

    def schema(self) -> JsonSchema:
        return {
            "anyOf": [
                {"type": "integer", "minimum": self.low},
                {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)$"},
            ]
        }

    @property
    def words(self) -> str:
        return f"a size from {write_size(self.low)}"


class Choice(Plain, Struct, frozen=True):
    """One of a closed set of words; `later` are words that a later version will know."""

    options: tuple[str, ...]
    later: tuple[str, ...] = ()
    into: type[str] = str

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str):
            return place.refuse(IssueCode.WRONG_TYPE, f"{place.words} wants {self.words}, not {shown(raw)}")
        if raw in self.later:
            return not_available(place, f"`{raw}`", f"Use {self.words}.")
        if raw not in self.options:
            hint = nearest_hint(raw, self.options, "")
            return place.refuse(
                IssueCode.BAD_VALUE, f"{place.words} wants {self.words}, not {shown(raw)}", hint
            )
        return self.into(raw)

    def write(self, value: str) -> object:
        return str(value)

    def schema(self) -> JsonSchema:
        return {"enum": list(self.options)}

    @property
    def words(self) -> str:
        *others, last = (f"`{option}`" for option in self.options)
        return f"{', '.join(others)} or {last}" if others else last


def not_available(place: Place, feature: str, hint: str) -> Any:
    """Refuse something documented that this version does not do; accepting it would be a promise."""
    return place.refuse(IssueCode.NOT_AVAILABLE, f"{place.words}: {feature} is not in this version", hint)


def _range(low: float, high: float) -> str:
    return f"from {_digits(low)}" if high == LARGEST else f"from {_digits(low)} to {_digits(high)}"


def _digits(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
