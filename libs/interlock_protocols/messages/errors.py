"""Errors of our own in the Anthropic API: a whole body, and inside a stream.

Rule: the type goes with the status and is always one of Anthropic's words, whatever word the OpenAI APIs
have for the same refusal, because clients of this API branch on it. Our own code is `details.error_code`,
where the anthropic client looks for a stable cause (it reads an unknown one as the bare type). problem+json
was dropped for inference paths: that client then knows no type at all (measured).
"""

from typing import Any, Final

import orjson

from interlock_protocols.errors import KeyWords, OwnError

_TYPES: Final = {
    # Anthropic, api/errors
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
    # Not in that list: the nearest word of it. A 503 of ours says "not now, ask again", as a 529 does.
    408: "timeout_error",
    503: "overloaded_error",
}

KEY_WORDS: Final = KeyWords(missing="x-api-key header is required", wrong="invalid x-api-key")
"""What the Anthropic API itself says of a key; both header forms are accepted all the same."""


def error_type(status: int) -> str:
    """The `type` that goes with a status; Anthropic uses the first of the two for every other 4xx."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")


def error_body(error: OwnError) -> bytes:
    """The body of an error answer."""
    told: dict[str, Any] = {"type": error_type(error.status), "message": error.message}
    told |= {"details": {"error_code": error.code}} if error.said is None else error.said
    return orjson.dumps({"type": "error", "error": told, "request_id": error.request_id or None})


def in_band_error(error: OwnError) -> bytes:
    """The last event of a stream that failed after its first content; then the connection is aborted.

    With its name: the anthropic client drops an error that has none, and ends as if all were well (measured).
    """
    return b"event: error\ndata: " + error_body(error) + b"\n\n"
