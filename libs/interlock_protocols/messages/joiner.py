"""A streamed Anthropic answer: what its blocks show, and how one continues another.

Rule: blocks come in order and their indexes are compared, so a client's blocks line up. `message_start` is
said once, by the first answer. Token counts on `message_delta` are totals, so what the new `message_start`
counts differently is corrected there: the client ends with the numbers of the target that finished the
answer. Signatures are not compared: each proves the same thinking. A block that begins with a text where the
first one began empty cannot be cut; vendors begin blocks empty.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from interlock_protocols.continuing.joiner import (
    Event,
    Joiner,
    Known,
    Mismatch,
    Said,
    canonical,
    event_bytes,
    fields_of,
    raw,
)
from interlock_protocols.messages.answer import INPUT_COUNTS

_UNSAID: Final = frozenset(("type", "id", "signature", "estimated_tokens", "caller"))
_TEXTS: Final = frozenset(("text", "thinking", "partial_json"))
"""What comes in pieces and may be cut anywhere."""


class MessagesJoiner(Joiner):
    """All of a message is one lane: its blocks are told one after the other."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._counted: dict[str, Any] = {}

    def said(self, event: Event) -> list[Said]:
        """See Joiner."""
        value = event.value
        kind, index = value.get("type"), value.get("index")
        at = index if type(index) is int else 0
        if kind == "content_block_start":
            block = _object(value, "content_block")
            return [Said((0, at, "begins"), str(block.get("type")), True), *_said_in(block, at)]
        if kind == "content_block_delta":
            return list(_said_in(_object(value, "delta"), at))
        if kind == "content_block_stop":
            return [Said((0, at, "ends"), "ends", True)]
        reason = _object(value, "delta").get("stop_reason") if kind == "message_delta" else None
        return [Said((0, "stop_reason"), str(reason), True)] if reason else []

    def note(self, event: Event, said: Sequence[Said]) -> None:
        """See Joiner."""
        if event.value.get("type") == "message_start":
            self._told = _counts(event)

    def hears(self, event: Event) -> None:
        """See Joiner."""
        if event.value.get("type") == "message_start":
            self._counted = _counts(event)

    def joined(self, event: Event, known: Known) -> bytes | Mismatch:
        """See Joiner."""
        kind = event.value.get("type")
        if kind == "message_start":
            return b""
        if kind == "message_delta":
            return self._corrected(event)
        if not any(had for _, had in known):
            return event.raw
        if kind != "content_block_delta":
            return Mismatch.UNCUT
        delta = dict(event.value["delta"])
        for said, had in known:
            key = said.path[2]
            if said.whole and had:
                return Mismatch.UNCUT
            delta[key] = said.text[had:]
        fields = fields_of(event.data)
        fields["delta"] = raw(delta)
        return event_bytes(event.name, fields)

    def _corrected(self, event: Event) -> bytes:
        """A `message_delta` with the counts that the client was told otherwise at the beginning."""
        fields = fields_of(event.data)
        usage = _object(event.value, "usage")
        other = {
            key: n for key, n in self._counted.items() if n != self._told.get(key, 0) and key not in usage
        }
        if not other:
            return event.raw
        fields["usage"] = raw(usage | other)
        return event_bytes(event.name, fields)


def _object(value: dict[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if type(inner) is dict else {}


def _counts(event: Event) -> dict[str, Any]:
    usage = _object(_object(event.value, "message"), "usage")
    return {key: usage.get(key) or 0 for key in INPUT_COUNTS} if usage else {}


def _said_in(part: dict[str, Any], index: int) -> Iterator[Said]:
    for key, value in part.items():
        if not value or key in _UNSAID:
            continue
        if type(value) is str and key in _TEXTS:
            yield Said((0, index, key), value)
        else:
            yield Said((0, index, key), value if type(value) is str else canonical(value), True)
