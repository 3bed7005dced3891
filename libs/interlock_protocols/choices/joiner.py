"""Answers made of choices, in chat and legacy completions: what they show, and how one continues another.

Rule: the client goes on reading the id, the time and the model of the first answer. A call of a tool keeps
the id it was announced with, since clients add up texts, ids among them, and answer a call by its id. Log
probabilities speak of whole tokens, so an event that is cut loses them. Everything else passes as it came.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from interlock_protocols.continuing.joiner import (
    Event,
    Fields,
    Joiner,
    Known,
    Mismatch,
    Path,
    Said,
    canonical,
    event_bytes,
    fields_of,
    raw,
)

_KEPT: Final = ("id", "created", "model")
_UNSAID: Final = frozenset(("role", "id", "index", "type", "signature", "format"))
"""What of a delta says nothing: the vendor's own names and marks, its signature of a text among them."""

_TEXTS: Final = frozenset(
    (
        "content",
        "refusal",
        "arguments",  # of a function
        "input",  # of a custom tool
        "reasoning_content",  # DeepSeek, vLLM, SGLang
        "reasoning",  # OpenRouter, Groq
        "text",  # OpenRouter, inside reasoning_details
        "summary",  # the same
    )
)
"""What comes in pieces and may be cut anywhere. Anything else is compared as a whole, event by event."""

_DEEPEST: Final = 8
"""Levels of a delta that are looked into; what lies deeper is compared as a whole."""


class ChatJoiner(Joiner):
    """Content stands in the delta of a choice: texts, calls of tools, and what vendors add."""

    def __init__(self) -> None:
        self._kept: Fields = {}
        self._calls: set[Path] = set()

    def said(self, event: Event) -> list[Said]:
        """See Joiner."""
        found: list[Said] = []
        for index, choice in _choices(event.value):
            found += self._content(index, choice)
            reason = choice.get("finish_reason")
            if reason:
                found.append(Said((index, "finish_reason"), str(reason), True))
        return found

    def note(self, event: Event, said: Sequence[Said]) -> None:
        """See Joiner."""
        if not self._kept and event.value.get("choices"):
            fields = fields_of(event.data)
            self._kept = {key: fields[key].copy() for key in _KEPT if key in fields}
        self._calls.update(each.path[:3] for each in said if len(each.path) > 3)

    def joined(self, event: Event, known: Known) -> bytes | Mismatch:
        """See Joiner."""
        fields = fields_of(event.data)
        fields.update((key, value) for key, value in self._kept.items() if key in fields)
        if event.value.get("choices"):
            # Not orjson: it would lose the digits of numbers beyond 64 bits.
            choices = json.loads(bytes(fields["choices"]))
            changed = self._without_known(choices, known)
            if isinstance(changed, Mismatch):
                return changed
            if not any(map(_says, choices)) and not event.value.get("usage"):
                return b""
            if changed:
                fields["choices"] = raw(choices)
        return event_bytes(event.name, fields)

    def _content(self, index: int, choice: dict[str, Any]) -> Iterator[Said]:
        delta = choice.get("delta")
        if type(delta) is dict:
            yield from _said_in(delta, (index,))

    def _place(self, choice: dict[str, Any]) -> Any:
        """What holds the content of a choice."""
        return choice.get("delta")

    def _without_known(self, choices: list[Any], known: Known) -> bool | Mismatch:
        """Take out what the client has, in place; whether anything was."""
        changed = False
        for index, choice in _indexed(choices):
            changed = self._forget_names(index, choice) or changed
        for said, had in known:
            if not had:
                continue
            changed = True
            if not any(self._cut(choice, said, had) for index, choice in _indexed(choices, said.path[0])):
                return Mismatch.UNCUT
        return changed

    def _cut(self, choice: dict[str, Any], said: Said, had: int) -> bool:
        """Take out the characters that the client has; False: they are not here."""
        end = said.path[1:] == ("finish_reason",)
        *way, key = said.path[1:]
        holder = _holder(choice if end else self._place(choice), way, key, said.text)
        if holder is None:
            return False
        if had < len(said.text):
            holder[key] = said.text[had:]
        elif end:
            holder[key] = None
        else:
            del holder[key]
        if "logprobs" in choice:
            choice["logprobs"] = None
        return True

    def _forget_names(self, index: int, choice: dict[str, Any]) -> bool:
        """Take out the role, and ids of calls that were announced with others; whether there were any."""
        delta = choice.get("delta")
        if type(delta) is not dict:
            return False
        found = delta.pop("role", None) is not None
        calls = delta.get("tool_calls")
        for call in calls if type(calls) is list else ():
            if type(call) is dict and (index, "tool_calls", call.get("index")) in self._calls:
                found = call.pop("id", None) is not None or found
        return found


class CompletionJoiner(ChatJoiner):
    """Content is the `text` of a choice."""

    def _content(self, index: int, choice: dict[str, Any]) -> Iterator[Said]:
        text = choice.get("text")
        if text and type(text) is str:
            yield Said((index, "text"), text)

    def _place(self, choice: dict[str, Any]) -> Any:
        return choice


def _choices(value: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    choices = value.get("choices")
    return _indexed(choices if type(choices) is list else [])


def _indexed(parts: list[Any], only: Any = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list with their index, as clients find them; one without an index is the first."""
    for part in parts:
        if type(part) is dict:
            found = part.get("index", 0)
            index = found if type(found) is int else 0
            if only is None or index == only:
                yield index, part


def _said_in(part: dict[str, Any], path: Path) -> Iterator[Said]:
    for key, value in part.items():
        if not value or key in _UNSAID:
            continue
        at = (*path, key)
        if type(value) is str:
            yield Said(at, value, key not in _TEXTS)
        elif type(value) is dict and len(at) < _DEEPEST:
            yield from _said_in(value, at)
        elif type(value) is list and len(at) < _DEEPEST:
            yield from _said_in_list(value, at)
        else:
            yield Said(at, canonical(value), True)


def _said_in_list(parts: list[Any], path: Path) -> Iterator[Said]:
    for part in parts:
        if type(part) is dict and type(part.get("index")) is int:
            yield from _said_in(part, (*path, part["index"]))
        else:
            yield Said(path, canonical(part), True)


def _holder(part: Any, way: Sequence[str | int], key: str | int, text: str) -> dict[str | int, Any] | None:
    """The first object down this way that has the text: fragments of one call may stand beside each other."""
    if not way:
        return part if type(part) is dict and part.get(key) == text else None
    step, rest = way[0], way[1:]
    if type(step) is int:
        inner = [each for _, each in _indexed(part, step)] if type(part) is list else []
    else:
        inner = [part[step]] if type(part) is dict and step in part else []
    found = (_holder(each, rest, key, text) for each in inner)
    return next((each for each in found if each is not None), None)


def _says(choice: Any) -> bool:
    """Whether a client learns anything from what is left of a choice."""
    if type(choice) is not dict or choice.get("finish_reason"):
        return True
    content = choice.get("delta") if "delta" in choice else choice.get("text")
    return any(content.values()) if type(content) is dict else bool(content)
