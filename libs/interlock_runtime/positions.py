"""YAML with positions: the plain value of a file, and where every key and value of it stands.

Rule: scalars become what YAML 1.2 says and nothing else: a date stays text, `on` and `yes` stay text.
Nothing is constructed but None, bool, int, float, str, list and dict, so a file cannot make objects.
Dropped: the round-trip loader, whose containers carry positions but cannot be compared or digested
as plain values; and any loader without positions, since an error without line and column is a search.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from interlock_domain.catalog.issue import Path
from interlock_domain.catalog.kinds.place import step_of

MAX_NODES: Final = 200_000
"""A configuration of 1,000 targets has about 20,000 values; aliases could multiply without end."""
MAX_DEPTH: Final = 50
"""The deepest key of a configuration has eight steps."""
TOO_DEEP: Final = "this is nested too deeply"
_TAG: Final = "tag:yaml.org,2002:"


class Spot(Struct, frozen=True):
    """Line and column, counted from 1."""

    line: int
    column: int


class Flaw(Struct, frozen=True):
    """What keeps the file from being read at all."""

    spot: Spot
    message: str
    hint: str = ""


class Document(Struct, frozen=True):
    """The plain value and the spots: of keys (where there is one) and of values, by path."""

    raw: Any
    keys: dict[Path, Spot]
    values: dict[Path, Spot]

    def spot(self, path: Path, *, on_key: bool) -> Spot:
        """The spot of a path, or of the nearest thing around it that the file holds."""
        for length in range(len(path), 0, -1):
            whole = length == len(path)
            first, second = (self.keys, self.values) if on_key or not whole else (self.values, self.keys)
            spot = first.get(path[:length]) or second.get(path[:length])
            if spot is not None:
                return spot
        return Spot(1, 1)


def read_yaml(text: str) -> Document | tuple[Flaw, ...]:
    """The document, or what is wrong with it as YAML."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML allows an anchor to be set anew
    try:
        node = yaml.compose(text)
    except ReaderError as error:
        return (
            Flaw(_spot_at(text, error.position), f"a character that YAML does not allow ({error.reason})"),
        )
    except MaxDepthExceededError as error:
        return (Flaw(_spot_of(error), TOO_DEEP),)
    except MarkedYAMLError as error:
        message = f"this is no YAML: {error.problem or error.context}"
        return (Flaw(_spot_of(error), message, "Check quotes and indentation."),)
    builder = _Builder()
    raw = None if node is None else builder.build(node, ())
    return tuple(builder.flaws) or Document(raw, builder.keys, builder.values)


def _spot_of(error: MarkedYAMLError) -> Spot:
    mark = error.problem_mark or error.context_mark
    return Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)


def _spot_at(text: str, position: int) -> Spot:
    before = text[:position]
    return Spot(before.count("\n") + 1, position - before.rfind("\n"))


class _Builder:
    """Turns nodes into plain values and remembers where they stood."""

    def __init__(self) -> None:
        self.keys: dict[Path, Spot] = {}
        self.values: dict[Path, Spot] = {}
        self.flaws: list[Flaw] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            if self._nodes == MAX_NODES + 1:
                self._flaw(node, f"the file holds more than {MAX_NODES} values, aliases counted")
            return None
        if len(path) > MAX_DEPTH:
            self._flaw(node, TOO_DEEP)
            return None
        self.values[path] = _spot(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._flaw(node, "an alias that contains itself")
            return None
        self._open.add(id(node))
        built = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return built

    def _sequence(self, node: Any, path: Path) -> list[Any]:
        self._check_tag(node, "seq")
        return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path) -> dict[Any, Any]:
        self._check_tag(node, "map")
        built: dict[Any, Any] = {}
        for key_node, value_node in self._pairs(node):
            key = self._scalar(key_node)
            if key in built:
                first = self.keys[(*path, step_of(key))]
                message = f"duplicate key `{key}`: it is already in line {first.line}"
                self._flaw(key_node, message, "Remove one of the two.")
                continue
            inner = (*path, step_of(key))
            self.keys[inner] = _spot(key_node)
            built[key] = self.build(value_node, inner)
            if built[key] is None:
                # an empty value is marked where the next thing begins, which may be another line
                self.values[inner] = self.keys[inner]
        return built

    def _pairs(self, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._flaw(key_node, "a key must be a single word")
            elif key_node.tag == f"{_TAG}merge":
                self._flaw(
                    key_node,
                    "merge keys (`<<`) are not read",
                    "Use an alias for the whole value, or repeat it.",
                )
            else:
                yield key_node, value_node

    def _scalar(self, node: ScalarNode) -> Any:
        text = node.value
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in {"true", "yes", "on"}
            case "int":
                return self._number(node, _whole)
            case "float":
                return self._number(node, _float)
            case "str" | "timestamp" | "value":
                return text
            case other:
                self._flaw(node, f"the tag `{other}` is not read", "Write plain values.")
                return None

    def _number(self, node: ScalarNode, read: Any) -> Any:
        try:
            return read(node.value.replace("_", ""))
        except ValueError:
            return node.value

    def _check_tag(self, node: Node, plain: str) -> None:
        if node.tag != f"{_TAG}{plain}":
            self._flaw(node, f"the tag `{node.tag}` is not read", "Write plain values.")

    def _flaw(self, node: Node, message: str, hint: str = "") -> None:
        self.flaws.append(Flaw(_spot(node), message, hint))


def _spot(node: Node) -> Spot:
    mark = node.start_mark
    return Spot(mark.line + 1, mark.column + 1)


def _whole(text: str) -> int:
    """`12`, `-3`, `0x1f`, `0o17`; a leading zero means nothing in YAML 1.2."""
    digits = text.lstrip("+-")
    if digits[:2].lower() in {"0x", "0o", "0b"}:
        return int(text, 0)
    return int(text, 10)


def _float(text: str) -> float:
    """`1.5`, `1e3`, `.inf`, `.nan`."""
    return float(
        text.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf").replace(".NaN", "nan")
    )
