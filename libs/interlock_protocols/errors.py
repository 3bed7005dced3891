"""Errors of our own in the form of the OpenAI API: a whole body, and inside a stream.

Rule: the `error` object has message, type, param and code, always all four; the openai client builds
its exception from them. problem+json was dropped for inference paths: that client then shows the type
"about:blank" and no message at all (measured).
"""

from typing import Final

import orjson

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


def error_type(status: int) -> str:
    """The `type` that goes with a status."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")


def error_body(message: str, type: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": {"message": message, "type": type, "param": param, "code": code}})


def in_band_error(message: str, type: str, code: str | None = None) -> bytes:
    """The last event of a stream that failed after its first content; then the connection is aborted.

    A plain `data:` event: every generation of the openai client raises on it, with or without an
    `event: error` line (measured), and other clients know no event names on this API.
    """
    return b"data: " + error_body(message, type, code) + b"\n\n"
