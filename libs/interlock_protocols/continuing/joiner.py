"""How an answer becomes the continuation of another one: the words that all client APIs share for it.

It owns what an event says (`Said`), and what each API implements (`Joiner`). Rule: what a user was shown are
texts at places; ids, times and names of models are the vendor's own and are not compared, and the client goes
on reading those of the first answer. Comparing bytes was dropped: no two answers have the same id, and no two
servers cut a text at the same places.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import orjson
from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, Encoder

from interlock_protocols.errors import OwnError
from interlock_protocols.streams.scanner import EventScanner
from interlock_protocols.streams.sse import read_fields, split_events

Path = tuple[str | int, ...]
"""Where a text stands. The first step is its lane: a choice, or 0. Lanes may be told beside each other."""

Fields = dict[str, Raw]
"""One JSON object whose values are still the bytes that came in."""


class Mismatch(StrEnum):
    """Why an answer is not the continuation of what the client was shown: a closed set."""

    DIFFERS = "differs"
    SHORTER = "shorter"
    """It ended before it had said all that was shown."""
    UNCUT = "uncut"
    """What is new begins inside something that cannot be cut, such as an image."""
    APART = "apart"
    """One choice ran too far ahead while another had not caught up with what was shown."""


class Said(Struct, frozen=True):
    """What an event shows at one place. `whole`: it counts as it is and is never cut; never empty."""

    path: Path
    text: str
    whole: bool = False


class Event(Struct, frozen=True):
    """One event of a stream. `value` is its JSON object; empty: it is a comment, or no object."""

    raw: bytes
    name: bytes
    data: bytes
    value: dict[str, Any]


Known = Sequence[tuple[Said, int]]
"""What an event says, each with the number of its characters that the client has been shown already."""


class Joiner(ABC):
    """Reads the answer that a client is shown, and makes events of another one belong to it."""

    @abstractmethod
    def said(self, event: Event) -> list[Said]:
        """What the user is shown by an event; empty for a preamble and whatever else shows nothing."""

    @abstractmethod
    def note(self, event: Event, said: Sequence[Said]) -> None:
        """An event that the client was shown: what it must go on reading, such as ids, is remembered."""

    @abstractmethod
    def joined(self, event: Event, known: Known) -> bytes | Mismatch:
        """An event of the new answer as part of the first, less what the client has; may be nothing."""

    def hears(self, event: Event) -> None:  # noqa: B027  most APIs need nothing of what is left out
        """An event of the new answer, before it is decided whether it goes out."""

    def in_band(self, scanner: EventScanner, error: OwnError) -> bytes:
        """The error that ends the stream; `scanner` is the first answer's."""
        return scanner.in_band(error)


def events_of(whole: bytes) -> Iterator[Event]:
    """The events of bytes that end at a border. Raises orjson.JSONDecodeError for no JSON in an object."""
    for raw in split_events(whole):
        if raw.startswith(b"data: {") and raw.find(b"\n") == len(raw) - 2:  # the usual form, read at once
            name, data = b"", raw[6:-2]
        else:
            fields = read_fields(raw)
            name, data = fields.name, fields.data or b""
        value = orjson.loads(data) if data.startswith(b"{") else {}
        yield Event(raw, name, data, value)


def canonical(value: Any) -> str:
    """A value that is compared as a whole: the same for the same value, however its keys were ordered."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


_decode_fields: Final = Decoder(Fields).decode
_decode_items: Final = Decoder(list[Raw]).decode
_encode: Final = Encoder().encode


def fields_of(data: bytes | Raw) -> Fields:
    """The fields of an object, unread; empty when it is none."""
    try:
        return _decode_fields(data)
    except DecodeError:
        return {}


def items_of(data: bytes | Raw) -> list[Raw]:
    """The items of an array, unread; empty when it is none."""
    try:
        return _decode_items(data)
    except DecodeError:
        return []


def raw(value: Any) -> Raw:
    """A value as the bytes that stand for it; not by orjson, which loses digits beyond 64 bits."""
    return Raw(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def raw_of(fields: Mapping[str, Raw]) -> Raw:
    """An object of these fields."""
    return Raw(_encode(fields))


def event_bytes(name: bytes, fields: Mapping[str, Raw]) -> bytes:
    """An event with these fields; JSON that came in several lines leaves in several."""
    data = _encode(fields)
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"%bdata: %b\n\n" % (b"event: %b\n" % name if name else b"", data)
