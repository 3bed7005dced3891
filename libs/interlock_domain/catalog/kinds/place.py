"""Where reading stands, and the protocol every kind of value keeps.

Rule: a kind tells all it knows about a value in one class (how it is read, written, described and put
into JSON Schema), so parser, schema, reference and diff cannot drift apart. A refused value is told to
the place and answered with REFUSED; the caller goes on with what was in force, so all mistakes are found.
Dropped: a schema library, which knows neither durations nor references nor our sentences.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from interlock_domain.catalog.issue import Issue, IssueCode, Path, place_words

if TYPE_CHECKING:
    from interlock_domain.catalog.kinds.blocks import Block

JsonSchema = dict[str, Any]


class _Refused(Enum):
    REFUSED = "refused"


REFUSED: Final = _Refused.REFUSED
"""Stands for a value that could not be read; its issue has been told to the place."""


class Place:
    """A path into the configuration and the list that collects the issues found below it.

    `on_key`: the key at the end of the path is being read, not the value behind it.
    """

    __slots__ = ("issues_list", "on_key", "path")

    def __init__(self, path: Path = (), issues: list[Issue] | None = None, *, on_key: bool = False) -> None:
        self.path = path
        self.on_key = on_key
        self.issues_list: list[Issue] = [] if issues is None else issues

    def at(self, step: str | int) -> "Place":
        """The place one step further in; issues go to the same list."""
        return Place((*self.path, step), self.issues_list)

    def key(self, step: str) -> "Place":
        """The key itself one step further in."""
        return Place((*self.path, step), self.issues_list, on_key=True)

    def refuse(
        self, code: IssueCode, message: str, hint: str = "", *, on_key: bool | None = None
    ) -> _Refused:
        """Note an issue here and answer REFUSED."""
        at_key = self.on_key if on_key is None else on_key
        self.issues_list.append(Issue(path=self.path, code=code, message=message, hint=hint, on_key=at_key))
        return REFUSED

    def refuse_whole(self, code: IssueCode, message: str, hint: str) -> _Refused:
        """The same about an entry as a whole: told at its key, since its value may be long or empty."""
        return self.refuse(code, message, hint, on_key=True)

    @property
    def words(self) -> str:
        """This place for people; a key is named by what holds it."""
        return f"a key of {place_words(self.path[:-1])}" if self.on_key else place_words(self.path)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was found so far, in reading order."""
        return tuple(self.issues_list)


class Kind(Protocol):
    """One kind of value. `base` is the value in force when parts of this one are not given."""

    def read(self, raw: object, place: Place, base: Any = None) -> Any:
        """The value for the domain, or REFUSED after telling the place why."""
        ...

    def write(self, value: Any) -> object:
        """The value as the file would say it."""
        ...

    def schema(self) -> JsonSchema:
        """JSON Schema of what `read` accepts."""
        ...

    @property
    def words(self) -> str:
        """What is wanted, for people: completes "wants ..."."""
        ...

    @property
    def inside(self) -> "Block[Any] | None":
        """The block of keys within a value, when there is one."""
        ...


class Plain:
    """A kind whose values have nothing inside."""

    __slots__ = ()

    @property
    def inside(self) -> "Block[Any] | None":
        return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like `word`, or None when nothing comes near."""
    # 0.6 is the customary threshold: one or two slips in a word of eight letters stay above it
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def nearest_hint(word: str, known: Iterable[str], otherwise: str) -> str:
    """ "Did you mean ...?" when a known word comes near, else another sentence."""
    found = nearest(word, known)
    return f"Did you mean `{found}`?" if found else otherwise


def sort_of(raw: object) -> str:
    """What a wrong value is, without the value: a misplaced one may be a secret."""
    if raw is None:
        return "nothing"
    if isinstance(raw, Mapping):
        return "a block of keys"
    if isinstance(raw, list | tuple):
        return "a list"
    return "text" if isinstance(raw, str) else "a single value"


def shown(raw: object) -> str:
    """A wrong value for a message: short, and as YAML would spell it."""
    if isinstance(raw, bool):
        return "`true`" if raw else "`false`"
    if raw is None or isinstance(raw, Mapping | list | tuple):
        return sort_of(raw)
    text = step_of(raw)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def step_of(key: object) -> str:
    """A key as a step of a path, whatever YAML made of it."""
    # Python refuses to write out integers of thousands of digits
    return "a huge number" if isinstance(key, int) and key.bit_length() > 200 else str(key)
