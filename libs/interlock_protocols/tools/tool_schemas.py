"""The tools of a request with schemas that upstreams take: which are repaired, and the body with them in it.

It owns the places of schemas, the bounds, and the splice. Rules: a body in which nothing needs repair is not
written; else only the bytes of the schemas that changed are, and numbers stay as the client wrote them. Tools
above MAX_BYTES, MAX_COMMAS or MAX_SCHEMAS, and schemas deeper than MAX_DEPTH, pass as they are: the repair is
a service, and an upstream may well take what is too much for us. Refusing them was dropped for that reason.

Agents send the same tools with every turn, so what was found of the last few sets is kept; comparing bytes
takes 2 us for 20 KiB, looking at them anew 200.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct

from interlock_protocols.splice.exact import parse, write
from interlock_protocols.splice.spans import Span, elements, member, top_member
from interlock_protocols.tools.references import mended
from interlock_protocols.tools.repair import MAX_DEPTH, ROOT, Effort, SchemaRepair, TooMuch
from interlock_protocols.tools.root import rooted
from interlock_protocols.tools.rules import SPARED_IN_MESSAGES, Repair, Repairs, no_arguments

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all tools of a request (requirement E1)."""

MAX_COMMAS: Final = 150_000
"""Of all tools of a request: they bound the values to be read, some 1 us each. The schemas of tools have one
in 30 bytes, so MAX_BYTES of them stay below; 4 MiB of bare digits would take 2 s."""

_SETS_KEPT: Final = 32
_LARGEST_KEPT: Final = 256 * 1024
"""Sets of tools that are remembered, and their bytes: the tools of coding agents have 20 to 150 KiB."""

_PASSES: Final = 8
"""A repair can bring another to light (a merged branch, a moved definition): three, as far as was seen."""


class Slot(Struct, frozen=True):
    """Where an API has the schemas of tools: in each element of a field, behind these names.

    `kinds`: the `type` of tools that have one; None among them: a tool may leave its type out. `spared`: what
    is not repaired there.
    """

    field: str
    path: tuple[str, ...]
    kinds: tuple[str | None, ...]
    spared: frozenset[Repair] = frozenset()


CHAT_TOOLS: Final = Slot("tools", ("function", "parameters"), ("function", None))
CHAT_FUNCTIONS: Final = Slot("functions", ("parameters",), (None,))
RESPONSES_TOOLS: Final = Slot("tools", ("parameters",), ("function",))
MESSAGES_TOOLS: Final = Slot("tools", ("input_schema",), ("custom", None), SPARED_IN_MESSAGES)


class Repaired(Struct, frozen=True):
    """A body with repaired schemas, and what was repaired in them."""

    body: bytes
    repairs: frozenset[Repair]


_Verdict = tuple[tuple[tuple[int, bytes], ...], frozenset[Repair]]
"""The schemas that change, by the place of their tool, and what was repaired."""

_NOTHING: Final[_Verdict] = ((), frozenset())
_kept: dict[tuple[str, tuple[str, ...], int, int, bytes, bytes], tuple[bytes, _Verdict]] = {}


def repaired_tools(body: bytes, slot: Slot, tools: Sequence[Raw] | None) -> Repaired | None:
    """The body with schemas repaired; None: nothing was to be repaired. `tools`: what the field holds."""
    if not tools:
        return None
    changes, repairs = _verdict(slot, tools)
    if not changes:
        return None
    field = top_member(body, slot.field)
    return None if field is None else Repaired(_spliced(body, field, slot, changes), repairs)


def repaired_schema(
    value: Any, spared: frozenset[Repair] = frozenset(), effort: Effort | None = None
) -> tuple[Any, frozenset[Repair]]:
    """One schema as `splice.exact` reads it: the same object if nothing needed repair. Raises TooMuch."""
    repairs = Repairs(spared)
    if value is None or value is True or value == []:
        return no_arguments(), frozenset((Repair.NO_SCHEMA,))
    if type(value) is not dict:
        return value, frozenset()
    out, deepest, effort = value, MAX_DEPTH, effort or Effort()
    for _ in range(_PASSES):
        before = out
        work = SchemaRepair(repairs, effort, deepest)
        out = work.schema(before, ROOT)
        out = rooted(repairs, mended(repairs, out) if work.refers else out)
        if out is before:
            break
        deepest = MAX_DEPTH + _PASSES  # ANY, and what joins the root, may stand a little deeper
    return out, frozenset(repairs.found)


def _verdict(slot: Slot, tools: Sequence[Raw]) -> _Verdict:
    joined = b"".join(tools)
    size = len(joined)
    if size > MAX_BYTES:
        return _NOTHING
    if size > _LARGEST_KEPT:
        return _NOTHING if joined.count(b",") > MAX_COMMAS else _looked_at(slot, tools)
    key = (slot.field, slot.path, len(tools), size, joined[size // 2 : size // 2 + 32], joined[-32:])
    known = _kept.get(key)
    if known is not None and known[0] == joined:
        return known[1]
    verdict = _looked_at(slot, tools)
    if len(_kept) >= _SETS_KEPT:
        del _kept[next(iter(_kept))]
    _kept[key] = (joined, verdict)
    return verdict


def _looked_at(slot: Slot, tools: Sequence[Raw]) -> _Verdict:
    changes: list[tuple[int, bytes]] = []
    repairs: set[Repair] = set()
    effort = Effort()
    for at, tool in enumerate(tools):
        try:
            schema = _schema(slot, parse(bytes(tool)))
            if schema is _NO_SCHEMA:
                continue
            new, found = repaired_schema(schema, slot.spared, effort)
            if new is not schema:
                changes.append((at, write(new)))
                repairs |= found
        except (TooMuch, RecursionError, ValueError):
            if effort.left < 0:
                return _NOTHING
            continue  # too deep, or no text in any encoding: not ours to judge
    return tuple(changes), frozenset(repairs)


_NO_SCHEMA: Final = object()


def _schema(slot: Slot, tool: Any) -> Any:
    if type(tool) is not dict or tool.get("type") not in slot.kinds:
        return _NO_SCHEMA
    found: Any = tool
    for name in slot.path:
        if type(found) is not dict or name not in found:
            return _NO_SCHEMA
        found = found[name]
    return found


def _spliced(body: bytes, field: Span, slot: Slot, changes: Sequence[tuple[int, bytes]]) -> bytes:
    tools = list(elements(body, field[0]))
    parts: list[bytes] = []
    written = 0
    for at, schema in changes:
        start, end = _place(body, tools[at], slot.path)
        parts += (body[written:start], schema)
        written = end
    parts.append(body[written:])
    return b"".join(parts)


def _place(body: bytes, tool: Span, path: tuple[str, ...]) -> Span:
    place = tool
    for name in path:
        inner = member(body, place[0], name)
        assert inner is not None
        place = inner
    return place
