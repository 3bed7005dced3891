"""What differs between two observations, leaf by leaf, and which of it is listed.

Rule: a difference is equal, listed or a mistake; nothing is rounded away before the comparison. A listed one
names the cases and the places it may occur at, and may say what the gateway's side has to show there.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec import Struct, field

ABSENT: Final = "(absent)"


class Difference(Struct, frozen=True):
    """One leaf: `path` joins keys and places by dots."""

    path: str
    direct: Any
    through: Any


class Listed(Struct, frozen=True, kw_only=True):
    """A difference that is meant. `cases` and `paths` are patterns of a shell; `silent` True: only where the
    SDK alone raises nothing, False: only where it does. `holds` is what must be seen through the gateway
    wherever it occurs: path -> pattern of the value."""

    name: str
    reason: str
    paths: tuple[str, ...]
    cases: tuple[str, ...] = ("*",)
    silent: bool | None = None
    holds: dict[str, str] = field(default_factory=dict)

    def covers(self, case: str, difference: Difference, *, silent: bool) -> bool:
        """Whether it is this one."""
        if self.silent is not None and self.silent is not silent:
            return False
        return _matches(case, self.cases) and _matches(difference.path, self.paths)

    def missed(self, through: Any) -> list[str]:
        """What the gateway's side should show and does not."""
        leaves = dict(_leaves(through, ""))
        return [
            f"{path} is {leaves.get(path, ABSENT)!r}, not {pattern!r} ({self.name})"
            for path, pattern in self.holds.items()
            if not fnmatchcase(str(leaves.get(path, ABSENT)), pattern)
        ]


class Verdict(Enum):
    """What a cell of the matrix says."""

    EQUAL = "equal"
    LISTED = "listed"
    DIFFERENT = "different"
    ABSENT = "absent"


class Compared(Struct):
    """One case on both sides; `listed` are names, `found` sentences about what is wrong."""

    verdict: Verdict
    listed: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


class Expected(Struct, frozen=True, kw_only=True):
    """Which cases raise on the direct side: those of `raises` always, those of `may` as the SDK likes, others
    never. Two sides that fail alike because the case is wrong would be equal."""

    raises: tuple[str, ...]
    may: tuple[str, ...]

    def missed(self, case: str, direct: Any) -> list[str]:
        """What is wrong with the case itself."""
        raised = _seen(direct).get("raised")
        if raised is None:
            return ["nothing was raised, of which this case is about"] if _matches(case, self.raises) else []
        fine = _matches(case, (*self.raises, *self.may))
        return [] if fine else [f"the case itself fails: {raised['class']}: {_brief(raised['message'])}"]


def compared(
    case: str, direct: Any, through: Any, *, listed: Iterable[Listed], expected: Expected
) -> Compared:
    """The verdict about one case."""
    if "absent" in _seen(direct) and "absent" in _seen(through):
        return Compared(Verdict.ABSENT, found=(str(_seen(direct)["absent"]),))
    known = {each.name: each for each in listed}
    silent = "raised" not in _seen(direct)
    used: dict[str, None] = {}
    found = expected.missed(case, direct)
    for difference in differences(direct, through):
        covering = (each.name for each in known.values() if each.covers(case, difference, silent=silent))
        name = next(covering, None)
        if name is None:
            found.append(f"{difference.path}: {_brief(difference.direct)} / {_brief(difference.through)}")
        else:
            used[name] = None
    for name in used:
        found += known[name].missed(through)
    if found:
        return Compared(Verdict.DIFFERENT, tuple(used), tuple(found))
    return Compared(Verdict.LISTED if used else Verdict.EQUAL, tuple(used))


def differences(direct: Any, through: Any, path: str = "") -> Iterator[Difference]:
    """Every leaf that is not the same on both sides; numbers of different types differ."""
    if isinstance(direct, dict) and isinstance(through, dict):
        for key in direct | through:
            yield from differences(direct.get(key, ABSENT), through.get(key, ABSENT), _under(path, key))
    elif isinstance(direct, list) and isinstance(through, list):
        for at in range(max(len(direct), len(through))):
            yield from differences(_item(direct, at), _item(through, at), _under(path, at))
    elif type(direct) is not type(through) or direct != through:
        yield Difference(path, direct, through)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, _under(path, key))
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _leaves(inner, _under(path, at))
    else:
        yield path, value


def _seen(observation: Any) -> Any:
    seen = observation["seen"] if isinstance(observation, dict) else None
    return seen if isinstance(seen, dict) else {}


def _item(items: list[Any], at: int) -> Any:
    return items[at] if at < len(items) else ABSENT


def _under(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
