"""What an upstream's error body says, whichever of the vendors' shapes it has.

It owns the shapes: OpenAI's `error` object, Anthropic's inside a typed envelope, Google's inside a
list, Mistral's at the root, a bare `error` string (Hugging Face, Ollama), FastAPI's `detail`. Rule:
never fails; a body it cannot read says nothing. One parser for each vendor was dropped: a provider's
dialect says nothing about the proxy that stands before it.
"""

from typing import Any, Final

import orjson
from msgspec import Struct

MAX_MESSAGE: Final = 500
"""Characters kept of a message: enough for a record and a log line, whatever page was sent."""


class Told(Struct, frozen=True, kw_only=True):
    """`codes`: every code, type and status word of the body in lower case. `code`: the most telling one."""

    message: str = ""
    code: str | None = None
    codes: frozenset[str] = frozenset()
    moderated: bool = False


def read_body(body: bytes) -> Told:
    """What a whole error body says."""
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Told()
    return read_error(root)


def read_error(root: Any) -> Told:
    """What a parsed error says: the body's root, or the `error` value of a chunk."""
    if type(root) is list and root:
        root = root[0]
    if type(root) is str:
        return Told(message=root[:MAX_MESSAGE])
    if type(root) is not dict:
        return Told()
    inner = root.get("error") or root
    if type(inner) is not dict:
        inner = {"message": inner if type(inner) is str else None, "type": root.get("error_type")}
    words = _words(inner) + (_words(root) if inner is not root else [])
    message = inner.get("message") or inner.get("detail") or root.get("message")
    return Told(
        message=message[:MAX_MESSAGE] if type(message) is str else "",
        code=words[0] if words else None,
        codes=frozenset(word.lower() for word in words),
        moderated=_moderated(inner.get("metadata")),
    )


def _words(error: dict[str, Any]) -> list[str]:
    """The code words of one object, the most telling first."""
    details = error.get("details")
    inner = error.get("innererror")
    found = (
        details.get("error_code") if type(details) is dict else None,
        error.get("code"),
        error.get("type"),
        error.get("status"),
        error.get("error_type"),
        inner.get("code") if type(inner) is dict else None,
    )
    return [str(word) for word in found if type(word) in (str, int) and word not in ("", "error")]


def _moderated(metadata: Any) -> bool:
    """OpenRouter marks a moderated prompt by what it flagged."""
    return type(metadata) is dict and ("flagged_input" in metadata or "reasons" in metadata)
