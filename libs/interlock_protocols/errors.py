"""Errors of our own, and their form in the OpenAI APIs: a whole body, and inside a stream.

Rule: the `error` object has message, type, param and code, always all four; the openai client builds
its exception from them. problem+json was dropped for inference paths: that client then shows the type
"about:blank" and no message at all (measured).
"""

from typing import Any, Final

import orjson
from msgspec import Struct

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
    504: "timeout_error",
}


class OwnError(Struct, frozen=True):
    """What this gateway says itself. `type` None: the one that goes with the status.

    `said`: the error object of an upstream that reported it inside a stream, which is told in its words.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    request_id: str = ""
    type: str | None = None
    said: dict[str, Any] | None = None


class KeyWords(Struct, frozen=True):
    """How an API words the two refusals of a client's own key (401)."""

    missing: str
    wrong: str


KEY_WORDS: Final = KeyWords(
    missing="You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    wrong="Incorrect API key provided. Ask whoever runs this gateway for a key.",
)


def error_type(status: int) -> str:
    """The `type` that goes with a status."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")


def error_object(error: OwnError) -> dict[str, Any]:
    """The `error` of a body or an event."""
    own = {
        "message": error.message,
        "type": error.type or error_type(error.status),
        "param": error.param,
        "code": error.code,
    }
    return own if error.said is None else {**own, "code": None, **error.said}


def error_body(error: OwnError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": error_object(error)})


def in_band_error(error: OwnError) -> bytes:
    """The last event of a stream that failed after its first content; then the connection is aborted.

    A plain `data:` event: every generation of the openai client raises on it, with or without an
    `event: error` line (measured), and other clients know no event names on these APIs.
    """
    return b"data: " + error_body(error) + b"\n\n"
