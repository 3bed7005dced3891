"""A request that asks for the rest of an answer: the client's own body, with what it was shown appended.

It owns which answers can be asked for so, and where the text goes in the body of each API. Rule: the text is
spliced in, and every other byte stays the client's but for its limit of tokens, which what was shown has used
up in part. Only a plain text is continued: a call of a tool, thoughts, or a second choice cannot be handed
over in an assistant's message. Blanks at the end are left out, because vendors refuse them or stumble over
them; the rest of the answer must then begin with them. To write the body anew was dropped for the reason that
`model_name` gives.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

import orjson
from msgspec import Struct

from interlock_protocols.continuing.joiner import Path
from interlock_protocols.splice.spans import top_member

_LIMITS: Final = ("max_tokens", "max_completion_tokens")


class NoPrefill(StrEnum):
    """Why the rest of an answer cannot be asked for: a closed set."""

    NOT_TEXT = "not_text"
    """More than one plain text was shown: thoughts, calls of tools, citations, several choices."""
    ASSISTANT_LAST = "assistant_last"
    """The client's own last message is the assistant's: the two texts would be one to the model."""
    FORM = "form"
    """The request has a form that does not say where the text would go."""


class Prefill(Struct, frozen=True):
    """`body` asks for the rest. `texts`: what that rest must begin with, by place (see Continuation)."""

    body: bytes
    texts: dict[Path, str]


MakePrefill = Callable[[bytes, Mapping[Path, str], int], Prefill | NoPrefill]
"""From a body as it goes to the new target, what was shown by place, and how many tokens that is at least."""


def prefill_chat(body: bytes, texts: Mapping[Path, str], tokens: int) -> Prefill | NoPrefill:
    """With an assistant's message at the end of `messages`."""
    place: Path = (0, "content")
    shown = _only_text(texts, place)
    if isinstance(shown, NoPrefill):
        return shown
    return _with_message(body, shown, tokens, {place: _blanks(shown)})


def prefill_messages(body: bytes, texts: Mapping[Path, str], tokens: int) -> Prefill | NoPrefill:
    """The same for the Anthropic API, inside the one block of text that had begun."""
    begins: Path = (0, 0, "begins", 0)
    place: Path = (0, 0, "text")
    if texts.get(begins) != "text":
        return NoPrefill.NOT_TEXT
    shown = _only_text({path: text for path, text in texts.items() if path != begins}, place)
    if isinstance(shown, NoPrefill):
        return shown
    return _with_message(body, shown, tokens, {begins: "text", place: _blanks(shown)})


def prefill_completion(body: bytes, texts: Mapping[Path, str], tokens: int) -> Prefill | NoPrefill:
    """At the end of the one `prompt`."""
    place: Path = (0, "text")
    shown = _only_text(texts, place)
    if isinstance(shown, NoPrefill):
        return shown
    request = _read(body)
    if type(request.get("prompt")) is not str or request.get("n") not in (None, 1):
        return NoPrefill.FORM
    prompt = top_member(body, "prompt")
    if prompt is None or any(map(request.get, ("echo", "suffix", "best_of"))):
        return NoPrefill.FORM
    text = orjson.dumps(shown.rstrip())[1:-1]
    return Prefill(_spliced(body, request, tokens, prompt[1] - 1, text), {place: _blanks(shown)})


def _only_text(texts: Mapping[Path, str], place: Path) -> str | NoPrefill:
    shown = texts.get(place, "")
    return shown if shown.strip() and len(texts) == 1 else NoPrefill.NOT_TEXT


def _blanks(shown: str) -> str:
    return shown[len(shown.rstrip()) :]


def _with_message(body: bytes, shown: str, tokens: int, texts: dict[Path, str]) -> Prefill | NoPrefill:
    request = _read(body)
    messages = request.get("messages")
    if type(messages) is not list or not messages or request.get("n") not in (None, 1):
        return NoPrefill.FORM
    last = messages[-1]
    if type(last) is dict and last.get("role") == "assistant":
        return NoPrefill.ASSISTANT_LAST
    place = top_member(body, "messages")
    if place is None:
        return NoPrefill.FORM
    message = b"," + orjson.dumps({"role": "assistant", "content": shown.rstrip()})
    return Prefill(_spliced(body, request, tokens, place[1] - 1, message), texts)


def _spliced(body: bytes, request: Mapping[str, Any], tokens: int, at: int, text: bytes) -> bytes:
    """The body with the text at its place, and with what is left of its limits."""
    edits = [(at, at, text)]
    for name in _LIMITS:
        limit, place = request.get(name), top_member(body, name)
        if type(limit) is int and place is not None:
            edits.append((*place, b"%d" % max(1, limit - tokens)))
    for start, end, new in sorted(edits, reverse=True):
        body = body[:start] + new + body[end:]
    return body


def _read(body: bytes) -> dict[str, Any]:
    """The body's fields; none when it is too deep for a second look."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return request if type(request) is dict else {}
