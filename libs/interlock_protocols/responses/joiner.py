"""A streamed response: what its items show, and how one continues another.

Rule: items come in order and their places (`output_index`, `content_index`) are compared, so what belongs
together lines up. Clients check that a response and its items keep their ids, and answer a call by its
`call_id`: what was announced under an id keeps it to the end, in the last event too, and an item that was
shown whole is repeated there as it was shown. Numbers of events go on. Encrypted reasoning is not compared:
it is the vendor's own form of what is. A response that is read back from the vendor by its id is the broken
one; there is no id that would be better.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from msgspec import Raw

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
    items_of,
    raw,
    raw_of,
)
from interlock_protocols.errors import OwnError
from interlock_protocols.responses.event import ENDS
from interlock_protocols.responses.scanner import ResponsesScanner
from interlock_protocols.streams.scanner import EventScanner

_PREAMBLE: Final = frozenset(("response.created", "response.queued", "response.in_progress"))
_TEXTS: Final = frozenset(
    f"response.{part}.delta"
    for part in (
        "output_text",
        "refusal",
        "reasoning_text",
        "reasoning_summary_text",
        "function_call_arguments",
        "custom_tool_call_input",
        "mcp_call_arguments",
        "code_interpreter_call_code",
    )
)
"""What comes in pieces and may be cut anywhere. Anything else is compared as a whole, event by event."""

_PLACE: Final = ("output_index", "content_index", "summary_index")
_OWN: Final = frozenset(
    ("id", "call_id", "item_id", "encrypted_content", "sequence_number", "obfuscation", "logprobs")
)
"""What is the vendor's own and is not compared: names, padding, and numbers beside the text."""
_KEPT: Final = ("id", "created_at", "model")
_NAMES: Final = ("id", "call_id")


class ResponsesJoiner(Joiner):
    """All of a response is one lane: its items are told one after the other."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._kept: Fields = {}
        self._names: dict[int, Fields] = {}
        self._whole: dict[int, Raw] = {}
        self._places: dict[str, int] = {}

    def said(self, event: Event) -> list[Said]:
        """See Joiner."""
        value = event.value
        kind = value.get("type")
        if type(kind) is not str or kind in _PREAMBLE:
            return []
        if kind in ENDS:
            return [Said((0, "ends"), kind, True)]
        if type(value.get("output_index")) is not int:
            return []  # a vendor's sign of life
        path: Path = (0, kind, *(n if type(n := value.get(key)) is int else -1 for key in _PLACE))
        delta = value.get("delta")
        if kind in _TEXTS and type(delta) is str:
            return [Said(path, delta)] if delta else []
        return [Said(path, canonical(_compared(value)), True)]

    def note(self, event: Event, said: Sequence[Said]) -> None:
        """See Joiner."""
        value = event.value
        number = value.get("sequence_number")
        if type(number) is int:
            self._number = number
        if value.get("type") in _PREAMBLE and not self._kept:
            response = fields_of(fields_of(event.data).get("response", b""))
            self._kept = {key: response[key].copy() for key in _KEPT if key in response}
        index, item = value.get("output_index"), value.get("item")
        if type(index) is int and type(item) is dict:
            told = fields_of(event.data)["item"]
            if index not in self._names:
                names = fields_of(told)
                self._names[index] = {key: names[key].copy() for key in _NAMES if key in names}
            if value["type"] == "response.output_item.done":
                self._whole[index] = told.copy()

    def hears(self, event: Event) -> None:
        """See Joiner."""
        value = event.value
        if value.get("type") == "response.created":
            self._places.clear()
        index, item = value.get("output_index"), value.get("item")
        if type(index) is int and type(item) is dict and type(item.get("id")) is str:
            self._places[item["id"]] = index

    def joined(self, event: Event, known: Known) -> bytes | Mismatch:
        """See Joiner."""
        value = event.value
        if value.get("type") in _PREAMBLE:
            return b""
        fields = fields_of(event.data)
        for said, had in known:
            if had and said.whole:
                return Mismatch.UNCUT
            if had:
                _cut(fields, said, had)
        index = value.get("output_index")
        if type(index) is int and index in self._names:
            _rename(fields, self._names[index])
        if type(value.get("response")) is dict:
            fields["response"] = self._response(fields["response"])
        if self._number is not None:
            self._number += 1
            fields["sequence_number"] = raw(self._number)
        return event_bytes(event.name, fields)

    def in_band(self, scanner: EventScanner, error: OwnError) -> bytes:
        """See Joiner."""
        if isinstance(scanner, ResponsesScanner):
            scanner.told_up_to(self._number)
        return super().in_band(scanner, error)

    def _response(self, response: Raw) -> Raw:
        """The response at the end of the stream, as that of the first answer."""
        fields = fields_of(response)
        fields.update((key, value) for key, value in self._kept.items() if key in fields)
        if "output" in fields:
            items = [bytes(self._item(item)) for item in items_of(fields["output"])]
            fields["output"] = Raw(b"[%b]" % b",".join(items))
        return raw_of(fields)

    def _item(self, item: Raw) -> Raw:
        """An item at the end of the stream: as it was shown, or at least by the names it was shown under."""
        named = orjson.loads(bytes(fields_of(item).get("id", b"null")))
        index = self._places.get(named, -1) if type(named) is str else -1
        if index in self._whole:
            return self._whole[index]
        return _renamed(item, self._names.get(index, {}))


def _cut(fields: Fields, said: Said, had: int) -> None:
    """Leave what the client does not have; log probabilities speak of whole tokens."""
    fields["delta"] = raw(said.text[had:])
    if "logprobs" in fields:
        fields["logprobs"] = Raw(b"[]")


def _rename(fields: Fields, names: Mapping[str, Raw]) -> None:
    """Let an event speak of its item by the names that the client knows."""
    if "item_id" in fields and "id" in names:
        fields["item_id"] = names["id"]
    if "item" in fields:
        fields["item"] = _renamed(fields["item"], names)


def _renamed(item: Raw, names: Mapping[str, Raw]) -> Raw:
    fields = fields_of(item)
    fields.update((key, value) for key, value in names.items() if key in fields)
    return raw_of(fields)


def _compared(value: Any) -> Any:
    """The part of an event that is compared, at every depth."""
    if type(value) is dict:
        return {key: _compared(inner) for key, inner in value.items() if key not in _OWN}
    return [_compared(inner) for inner in value] if type(value) is list else value
