"""What a simulated model says: thoughts, then words, then calls of the caller's tools, piece by piece.

Rule: the same request and behaviour say the same, and who answered can be read from it. A text drawn at
random was dropped: a test could not tell a spliced answer from a whole one.
"""

import json
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import Asked

FRAGMENT: Final = 8
"""Characters of tool arguments in one delta: a short JSON object then takes a few, as real ones do."""

_DEEPEST: Final = 4
"""Levels of a schema that are filled; what lies deeper is left empty."""


class Says(Enum):
    """What a part of an answer is."""

    THOUGHT = "thought"
    TEXT = "text"
    CALL = "call"


class Part(Struct, frozen=True, kw_only=True):
    """One part of an answer. A call has the `name` of its tool, and pieces of its arguments' JSON."""

    says: Says
    pieces: tuple[str, ...]
    name: str = ""

    @property
    def whole(self) -> str:
        """All of it."""
        return "".join(self.pieces)

    @property
    def arguments(self) -> Any:
        """Those of a call, read."""
        return json.loads(self.whole)


def text(provider: str, chunks: int) -> str:
    """What a healthy answer says, so that tests can ask who answered."""
    return "".join(words(provider, chunks))


def words(provider: str, chunks: int) -> list[str]:
    """The same, chunk by chunk."""
    return [f"{provider}" if i == 0 else f" word{i}" for i in range(chunks)]


def spoken(provider: str, b: Behaviour) -> list[str]:
    """The text of an answer, chunk by chunk: what it is told to say, else words that number themselves."""
    if not b.says:
        return words(provider, b.chunks)
    first, *rest = b.says.split(" ")
    return [first, *(f" {word}" for word in rest)]


def thoughts(chunks: int) -> list[str]:
    """What is thought before, chunk by chunk."""
    return [f"thought{i} " for i in range(chunks)]


def parts(provider: str, asked: Asked, b: Behaviour) -> tuple[Part, ...]:
    """The parts of an answer in order, at least one; only a lone text may be without a piece."""
    found = [Part(says=Says.THOUGHT, pieces=tuple(thoughts(b.thinking)))] if b.thinking > 0 else []
    called = calls(provider, asked, b) if b.tool_calls > 0 else []
    if b.chunks > 0 or not (found or called):
        pieces = structured(provider, asked) or tuple(spoken(provider, b))
        found.append(Part(says=Says.TEXT, pieces=pieces))
    return (*found, *called)


def structured(provider: str, asked: Asked) -> tuple[str, ...]:
    """The text of a caller who wants JSON by a schema, in pieces; none for everybody else."""
    if b'"json_schema"' not in asked.body:  # most never ask, and their body is not read a second time
        return ()
    fields = asked.fields
    text, config = fields.get("text"), fields.get("output_config")
    forms = [
        fields.get("response_format"),  # chat
        text.get("format") if isinstance(text, dict) else None,  # responses
        fields.get("output_format"),  # messages, as a beta
        config.get("format") if isinstance(config, dict) else None,  # messages
    ]
    form = next((each for each in forms if isinstance(each, dict) and each.get("type") == "json_schema"), {})
    inner = form.get("json_schema", form)
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return _fragments(_fill(schema, provider)) if isinstance(schema, dict) else ()


def calls(provider: str, asked: Asked, b: Behaviour) -> list[Part]:
    """Calls of the caller's own functions in turn; none when it has none or forbids it."""
    fields = asked.fields
    choice = fields.get("tool_choice")
    functions = _functions(fields.get("tools"))
    if not functions or choice in ("none", {"type": "none"}):
        return []
    chosen = (functions[i % len(functions)] for i in range(b.tool_calls))
    return [
        Part(says=Says.CALL, name=name, pieces=_fragments(_fill(schema, provider))) for name, schema in chosen
    ]


def _functions(tools: Any) -> list[tuple[str, Any]]:
    """Name and parameters of each tool that the caller runs, in any API's form; built-in tools are not."""
    found: list[tuple[str, Any]] = []
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, dict) or not (tool.get("type") == "function" or "input_schema" in tool):
            continue
        function = tool.get("function", tool)  # chat wraps it, responses and messages do not
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            found.append((function["name"], function.get("parameters") or tool.get("input_schema")))
    return found


def _fill(schema: Any, word: str, depth: int = 0) -> Any:
    """A value that such a schema admits, as far as its types say; texts are `word`."""
    schema = schema if isinstance(schema, dict) else {"type": "object"}
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return allowed[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind == "object":
        properties = schema.get("properties")
        if not isinstance(properties, dict) or depth == _DEEPEST:
            return {}
        return {name: _fill(inner, word, depth + 1) for name, inner in properties.items()}
    plain = {"integer": 1, "number": 0.5, "boolean": True, "array": [], "null": None}
    return plain.get(kind, word) if isinstance(kind, str) else word


def _fragments(arguments: Any) -> tuple[str, ...]:
    whole = json.dumps(arguments)
    return tuple(whole[i : i + FRAGMENT] for i in range(0, len(whole), FRAGMENT))
