"""What an upstream's error body says, whichever of the vendors' shapes it has.

It owns the shapes: OpenAI's `error` object, Anthropic's inside a typed envelope, Google's with `details` and
inside a list, OpenRouter's `metadata`, Azure's inner error, Mistral's at the root, AWS's `__type`, a bare
`error` string (Hugging Face, Ollama), FastAPI's `detail`, Cloudflare's `errors`. Rule: never fails; a body it
cannot read says nothing. One parser for each vendor was dropped: a provider's dialect says nothing about the
proxy that stands before it.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson
from msgspec import Struct

from interlock_protocols.failures.retry_after import duration_ms, hinted_ms, seconds_ms

MAX_MESSAGE: Final = 500
"""Characters kept of a message: enough for a record and a log line, whatever page was sent."""


class Told(Struct, frozen=True, kw_only=True):
    """`codes`: every code, type and status word of the body in lower case. `code`: the most telling one.

    `status`: the first of them that is an error status. `wait_ms`: how long the body says to wait, in a field
    of its own or in its words; whether that counts is for `classify` to say. `said`: the error object itself,
    where it is one that clients can show.
    """

    message: str = ""
    code: str | None = None
    codes: frozenset[str] = frozenset()
    status: int | None = None
    moderated: bool = False
    wait_ms: int | None = None
    said: dict[str, Any] | None = None


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
        return Told(message=root[:MAX_MESSAGE], wait_ms=hinted_ms(root))
    if type(root) is not dict:
        return Told()
    inner = _inner(root)
    words = [*_words(inner), *(_words(root) if inner is not root else ())]
    message = _message(inner, root)
    return Told(
        message=message[:MAX_MESSAGE],
        code=words[0] if words else None,
        codes=frozenset(word.lower() for word in words),
        status=next((int(word) for word in words if _is_status(word)), None),
        moderated=_moderated(inner.get("metadata")),
        wait_ms=_stated_ms(inner) or hinted_ms(message),
        said=_shown(inner),
    )


def _shown(error: dict[str, Any]) -> dict[str, Any] | None:
    """The object without what belongs to its envelope: an `error` event is its own object in Responses."""
    message = error.get("message")
    if type(message) is not str or not message:
        return None
    shown = {name: value for name, value in error.items() if name != "sequence_number"}
    if shown.get("type") == "error":
        del shown["type"]
    return shown


def _inner(root: dict[str, Any]) -> dict[str, Any]:
    """The object that holds code and message; the root itself where it is that one."""
    errors = root.get("errors")
    inner = root.get("error") or (errors[0] if type(errors) is list and errors else None) or root
    if type(inner) is dict:
        return inner
    return {"message": inner if type(inner) is str else None, "type": root.get("error_type")}


def _message(inner: dict[str, Any], root: dict[str, Any]) -> str:
    for each in (inner.get("message"), inner.get("Message"), inner.get("detail"), root.get("message")):
        if each and type(each) is str:
            return each
    return ""


def _words(error: dict[str, Any]) -> Iterator[str]:
    """The code words of one object, the most telling first."""
    for place in _places(error):
        if type(place) in (str, int) and place not in ("", "error"):
            yield str(place).rpartition("#")[2]  # AWS writes a namespace before its types


def _places(error: dict[str, Any]) -> Iterator[Any]:
    """Where vendors put a code."""
    details = error.get("details")
    if type(details) is dict:
        yield details.get("error_code")  # Anthropic
    metadata = error.get("metadata")
    if type(metadata) is dict:  # OpenRouter
        yield from map(metadata.get, ("error_type", "reason", "limit_source"))
    yield from map(error.get, ("code", "type", "status", "error_type", "__type"))
    for name in ("innererror", "inner_error"):  # Azure
        inner = error.get(name)
        if type(inner) is dict:
            yield inner.get("code")
    yield from (detail.get("reason") for detail in _details(error))  # Google, ErrorInfo


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    """Google's `details`: a list of objects, each of a type that it names."""
    details = error.get("details")
    return [each for each in details if type(each) is dict] if type(details) is list else []


def _is_status(word: str) -> bool:
    return len(word) == 3 and word.isascii() and word.isdigit() and 400 <= int(word) <= 599


def _moderated(metadata: Any) -> bool:
    """OpenRouter marks a moderated prompt by what it flagged."""
    return type(metadata) is dict and ("flagged_input" in metadata or "reasons" in metadata)


def _stated_ms(error: dict[str, Any]) -> int | None:
    """A wait in a field of its own: Google's RetryInfo, or OpenRouter's copy of the header."""
    metadata = error.get("metadata")
    if type(metadata) is dict:
        return seconds_ms(metadata.get("retry_after_seconds"))
    delays = (detail.get("retryDelay") for detail in _details(error))
    return next((wait for delay in delays if (wait := duration_ms(delay)) is not None), None)
