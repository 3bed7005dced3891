"""One event of a streamed response: what is read of it, and the quick way to see that nothing happens.

It owns the fields an event is read for and the proof of a burst. Events carry a number that changes with
each of them, so no template of bytes fits, and a burst may mix types. `quiet_events` therefore decodes each
event into a type in which nothing can happen, and compares all names with all types at once: half a
microsecond an event. One decode of the events joined into an array was dropped: it saves a third of that,
but an event that is cut short and one that holds two objects make up for each other there, and both would
pass.
"""

from typing import Annotated, Any, Final

from msgspec import DecodeError, Meta, Struct, field
from msgspec.json import Decoder

from interlock_protocols.splice.text import NotJson, read_json

ENDS: Final = frozenset({"response.completed", "response.incomplete"})
"""Types that end an answer (OpenAI's reference; Open Responses, state machine events)."""

FAILURES: Final = frozenset({"response.failed", "error"})
"""Types that end a stream without one (as above)."""

_CONTENT: Final = frozenset(
    {
        "response.output_item.done",  # a whole item: streams without deltas show their content here first
        "response.image_generation_call.partial_image",  # OpenAI: a first look at an image
    }
)
SIGNS_OF_LIFE: Final = frozenset({"keepalive", "ping"})
"""Types that only keep the connection alive: OpenAI's, and that of proxies."""

_LOUD_LINES: Final = frozenset(b"event: " + name.encode() for name in ENDS | FAILURES)
_LOUD: Final = ENDS | FAILURES

_MOST: Final = 1 << 53
"""More is no number of an event: not every client can hold it."""

_Number = Annotated[int, Meta(ge=0, le=_MOST)]


class Response(Struct, gc=False):
    """The response as an event shows it, less its output and less the request, which it repeats."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    error: Any = None
    usage: Any = None


class Item(Struct, gc=False):
    """An item of the output, as far as the scanner reads it."""

    type: str | None = None


class Event(Struct, gc=False):
    """An event, as far as the scanner reads it."""

    type: str | None = None
    number: _Number | None = field(default=None, name="sequence_number")
    error: Any = None
    response: Response | None = None
    item: Item | None = None


class QuietEvent(Struct, gc=False):
    """An event in which no response begins, ends or fails, as a type; but for those that `_LOUD` names."""

    type: str
    number: _Number | None = field(default=None, name="sequence_number")
    error: None = None
    response: None = None


_decode: Final = Decoder(Event).decode
_decode_quiet: Final = Decoder(QuietEvent).decode


def is_content(kind: str) -> bool:
    """Whether an event of this type brings something the user waits for: every kind of text has its delta."""
    return kind.endswith(".delta") or kind in _CONTENT


def quiet_events(whole: bytes) -> list[QuietEvent] | None:
    """The events of these bytes, when nothing happens in them; else None.

    Each is a line of data, behind a line with its type or, all alike, without one. The lines are counted, so
    nothing can stand in a further one.
    """
    named = whole.startswith(b"event: ")
    lines = whole.split(b"\n")
    size = 3 if named else 2
    if lines.pop() or len(lines) % size or any(lines[size - 1 :: size]):
        return None
    data = lines[size - 2 :: size]
    if whole.count(b"\ndata: ") + whole.startswith(b"data: ") != len(data) or b"\r" in whole:
        return None
    names = lines[::3] if named else ()
    if not _LOUD_LINES.isdisjoint(names):
        return None  # known before anything is decoded
    try:
        if not whole.isascii():
            whole.decode()  # the decoder skips what it does not keep, bad UTF-8 included
        events = [_decode_quiet(line[6:]) for line in data]
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    types = [event.type for event in events]
    if named:
        return events if b"\n".join(names) == ("event: " + "\nevent: ".join(types)).encode() else None
    return events if _LOUD.isdisjoint(types) else None


def read_event(data: bytes) -> Event | None:
    """One event, whatever it is; None: no JSON object."""
    try:
        event = _decode(data)
        if not data.isascii():
            data.decode()
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _read_any(data)
    return event


def _read_any(data: bytes) -> Event | None:
    """Whatever the type of an event does not describe; the two agree where both can read."""
    try:
        value = read_json(data)
    except NotJson:
        return None
    if type(value) is not dict:
        return None
    number = value.get("sequence_number")
    response, item = value.get("response"), value.get("item")
    return Event(
        type=_text(value.get("type")),
        number=number if type(number) is int and 0 <= number <= _MOST else None,
        error=value.get("error"),
        response=_response(response) if type(response) is dict else None,
        item=Item(type=_text(item.get("type"))) if type(item) is dict else None,
    )


def _response(response: dict[str, Any]) -> Response:
    return Response(
        id=_text(response.get("id")),
        model=_text(response.get("model")),
        status=_text(response.get("status")),
        error=response.get("error"),
        usage=response.get("usage"),
    )


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def failure_of(data: bytes) -> Any:
    """What an event says about a failure, for `classify_in_band`: the response does, or else the root."""
    try:
        root = read_json(data)
    except NotJson:
        return data.decode(errors="replace")
    response = root.get("response") if type(root) is dict else None
    return response if type(response) is dict and response.get("error") else root
