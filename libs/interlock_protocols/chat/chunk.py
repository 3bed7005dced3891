"""One chunk of a streamed chat answer: what commits, and the quick way to see that nothing happens.

It owns the fields a chunk is read for. Most chunks only carry content: `quiet_chunks` proves that they
are well formed and decodes four fields of each, a third of the cost of parsing them into dictionaries.
Whatever it cannot prove is read again by `ChatScanner`, event by event. Byte markers instead of
decoding were dropped: `"finish_reason":null` is in every chunk, so the marker that does not misfire
costs as much, and a malformed chunk without a marker would pass.
"""

from typing import Any, Final, Literal

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from interlock_protocols.streams.alike import Alike
from interlock_protocols.streams.sse import DONE_EVENT

CONTENT_KEYS: Final = (
    "content",
    "tool_calls",
    "refusal",
    "function_call",
    "audio",
    "reasoning_content",  # DeepSeek, vLLM, SGLang
    "reasoning",  # OpenRouter, Groq
    "reasoning_details",  # OpenRouter
    "images",  # OpenRouter
)
"""What of a delta commits, when it is not empty. Closed: vendors add boilerplate to role deltas."""

_CONTENT: Final = frozenset(CONTENT_KEYS)
_FIRST: Final = b"data: "
_NEXT: Final = b"\n\ndata: "


class QuietChoice(Struct, gc=False):
    """A choice of a chunk, as far as the scanner reads it."""

    index: int = 0
    finish_reason: str | None = None
    error: Any = None


class QuietChunk(Struct, gc=False):
    """A chunk, as far as the scanner reads it."""

    choices: list[QuietChoice] = []
    error: Any = None
    usage: Any = None


class _StillChoice(Struct, gc=False):
    index: Literal[0] = 0
    finish_reason: None = None
    error: None = None


class _StillChunk(Struct, gc=False):
    """A chunk in which nothing but content happens, as a type: whatever else it holds does not decode."""

    choices: list[_StillChoice] = []
    error: None = None
    usage: None = None


_decode: Final = Decoder(QuietChunk).decode
still_chunks: Final = Alike(b"data: {", Decoder(_StillChunk).decode_lines).count
"""How many chunks the whole events are, when all that happens in them is content of choice 0; else 0. 0.27 us
an event in a burst of 50."""


def quiet_chunks(whole: bytes) -> list[QuietChunk] | None:
    """The chunks of whole events, when each is exactly one `data: ` line of readable JSON; else None."""
    if not whole.startswith(_FIRST) or whole.endswith(DONE_EVENT):
        return None
    pieces = whole[6:-2].split(_NEXT)
    # As many line ends as borders need: so no event has a second line, and none begins with another word.
    if whole.count(b"\n") != 2 * len(pieces) or b"\r" in whole:
        return None
    try:
        if not whole.isascii():
            whole.decode()  # the decoder skips what it does not keep, bad UTF-8 included
        return [_decode(piece) for piece in pieces]
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def has_content(delta: Any) -> bool:
    """Whether a delta holds something the user waits for."""
    return type(delta) is dict and any(value and key in _CONTENT for key, value in delta.items())
