"""The events of a streamed Anthropic answer: which are content, and the quick way to see that all are.

It owns the names, the fields an event is read for, and two quick readings: of a burst of deltas, decoded all
at once, and of a burst that also begins and ends blocks, event by event. What they cannot prove is read again
by `MessagesScanner`. The template of bytes that chat has was dropped: Anthropic writes a varying number of
blanks before the last bracket of each event, so no two have the same bytes around their text.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from interlock_protocols.streams.alike import Alike

PAYLOADS: Final[dict[str, str | None]] = {
    "message_start": "message",
    "content_block_start": "content_block",
    "content_block_delta": "delta",
    "content_block_stop": None,
    "message_delta": "delta",
    "message_stop": None,
}
"""The events a message is made of, and the object that clients read in each (Anthropic, streaming reference).
`ping` and `error` are no part of it, and new events may come: clients ignore those they do not know."""

NAMES: Final = frozenset(kind.encode() for kind in PAYLOADS)

_DELTA_CONTENT: Final[dict[str, tuple[str, ...]]] = {
    "text_delta": ("text",),
    # An estimate stands for thinking that is not shown: the model works, and the user sees that it does.
    "thinking_delta": ("thinking", "estimated_tokens"),
    "input_json_delta": ("partial_json",),
    "citations_delta": ("citation",),
    "compaction_delta": ("content", "encrypted_content"),
    "signature_delta": (),  # proves the thinking before it; nobody reads it
}
"""What of a delta commits, when it is not empty (anthropic 2.12, RawContentBlockDelta and its beta)."""

_BLOCK_CONTENT: Final[dict[str, tuple[str, ...]]] = {
    "text": ("text",),
    "thinking": ("thinking",),
    "compaction": ("content", "encrypted_content"),
}
"""The blocks that begin empty and are filled by deltas. Any other says something by beginning: results of
server tools and redacted_thinking come whole in their first event, and the name of a tool (tool_use,
server_tool_use, mcp_tool_use) is the model's own word, which agents show. More may be long in coming, since
tool input is sent value by value, each when whole; to hold the name would time out targets that work."""


def delta_has_content(delta: dict[str, Any]) -> bool:
    """Whether a delta holds something the user waits for; one of a new type does."""
    return _says(delta, _DELTA_CONTENT)


def block_has_content(block: dict[str, Any]) -> bool:
    """Whether a block says something by beginning; one of a new type does."""
    return _says(block, _BLOCK_CONTENT)


def _says(part: dict[str, Any], known: dict[str, tuple[str, ...]]) -> bool:
    kind = part.get("type")
    keys = known.get(kind) if type(kind) is str else None
    return True if keys is None else any(part.get(key) for key in keys)


class _Object(Struct, gc=False):
    """An object, whatever is in it."""


class _Delta(Struct, gc=False):
    """A delta in which nothing but content happens, as a type: an event with more to it does not decode."""

    type: Literal["content_block_delta"]
    delta: _Object
    error: None = None


class _BlockStart(Struct, gc=False):
    type: Literal["content_block_start"]
    content_block: _Object
    error: None = None


class _BlockStop(Struct, gc=False):
    type: Literal["content_block_stop"]
    error: None = None


class _Ping(Struct, gc=False):
    type: Literal["ping"] = "ping"
    error: None = None


still_deltas: Final = Alike(b"event: content_block_delta\ndata: {", Decoder(_Delta).decode_lines).count
"""How many deltas the whole events are, when they are nothing else; else 0."""

_QUIET: Final[dict[bytes, Callable[[bytes], object]]] = {
    b"content_block_delta": Decoder(_Delta).decode,
    b"content_block_start": Decoder(_BlockStart).decode,
    b"content_block_stop": Decoder(_BlockStop).decode,
    b"ping": Decoder(_Ping).decode,
}


def quiet_events(whole: bytes) -> int:
    """How many deltas, ends and beginnings of blocks, and pings the whole events are; 0 for anything else."""
    if not whole.startswith(b"event: "):
        return 0
    pieces = whole[7:-2].split(b"\n\nevent: ")
    # As many line ends as a name, one line of data and a border need: so no event has another line.
    if whole.count(b"\n") != 3 * len(pieces) or b"\r" in whole:
        return 0
    try:
        if not whole.isascii():
            whole.decode()
        for piece in pieces:
            name, _, data = piece.partition(b"\ndata: ")
            decode = _QUIET.get(name)
            if decode is None:
                return 0
            decode(data)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return len(pieces)
