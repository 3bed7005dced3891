"""What the provider does in the cases about failures: each vendor's own refusals, and answers that break.

Rule: a refusal is in the words of its vendor, with the codes that its reference names, because SDKs and the
gateway read those. Sources: platform.openai.com, guides/error-codes; platform.claude.com/docs, api/errors.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, fail, healthy
from tests.sdk.faults import HELPED, RETRIED, STATUSES, STREAM_STATUSES, STREAMS, WHOLE
from tests.sdk.literal import Script

_PAGE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def openai_error(message: str, type: str, code: str | None = None, param: str | None = None) -> str:
    """The body of an error."""
    return json.dumps({"error": {"message": message, "type": type, "param": param, "code": code}})


OPENAI_REFUSALS: Final = {
    "400": fail(400, openai_error("Invalid 'n': -1.", "invalid_request_error", "integer_below_min", "n")),
    "400-context-length": fail(
        400,
        openai_error(
            "This model's maximum context length is 8192 tokens.",
            "invalid_request_error",
            "context_length_exceeded",
            "messages",
        ),
    ),
    "400-content-policy": fail(
        400, openai_error("Your request was rejected.", "invalid_request_error", "content_policy_violation")
    ),
    "401": fail(401, openai_error("Incorrect API key.", "invalid_request_error", "invalid_api_key")),
    "402": fail(402, openai_error("Insufficient credits", "billing_error", "402")),
    "403": fail(403, openai_error("Country not supported", "request_forbidden", "unsupported_country")),
    "404": fail(404, openai_error("No such model", "invalid_request_error", "model_not_found")),
    "413": fail(413, openai_error("Too large", "invalid_request_error")),
    "429": fail(
        429,
        openai_error("Rate limit reached. Please try again in 2s.", "tokens", "rate_limit_exceeded"),
        {"retry-after": "2", "x-ratelimit-remaining-tokens": "0"},
    ),
    "429-quota": fail(
        429, openai_error("You exceeded your quota", "insufficient_quota", "insufficient_quota")
    ),
    "503": fail(503, openai_error("Overloaded", "server_error", "server_is_overloaded")),
}


def anthropic_error(type: str, message: str, **more: Any) -> str:
    """The body of an error."""
    error = {"type": type, "message": message} | more
    return json.dumps({"type": "error", "error": error, "request_id": "req_of_the_vendor"})


_ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _anthropic_refusal(status: int, headers: dict[str, str] | None = None) -> Behaviour:
    message = {400: "messages.0.content: Field required", 401: "invalid x-api-key"}.get(status, "No.")
    return fail(status, anthropic_error(_ANTHROPIC_TYPES[status], message), headers)


ANTHROPIC_REFUSALS: Final = {str(status): _anthropic_refusal(status) for status in _ANTHROPIC_TYPES} | {
    "400-context-length": fail(
        400, anthropic_error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    ),
    "400-content-policy": fail(400, anthropic_error("invalid_request_error", "Output blocked by policy")),
    "429": _anthropic_refusal(429, {"retry-after": "2", "anthropic-ratelimit-requests-remaining": "0"}),
    "429-ms": _anthropic_refusal(429, {"retry-after-ms": "30"}),
    "429-quota": fail(
        429,
        anthropic_error(
            "rate_limit_error", "Spend limit", details={"error_code": "enforced_spend_limit_reached"}
        ),
    ),
}


def _refusal(own: Mapping[str, Behaviour], name: str) -> Behaviour:
    """A vendor's own words where it has some, else those of its voice."""
    special = {
        "429-ms": fail(429, headers={"retry-after-ms": "30"}),
        "502-html": fail(502, _PAGE),
        "500-empty": fail(500, ""),
    }
    return own.get(name) or special.get(name) or fail(int(name))


_WHOLE: Final = {
    "error": Behaviour(kind=Kind.ERROR),
    "html": Behaviour(kind=Kind.HTML),
    "empty": Behaviour(kind=Kind.EMPTY),
    "malformed": Behaviour(kind=Kind.MALFORMED),
    "cut": cut(),
    "reset": Behaviour(kind=Kind.RESET),
}
_PACED: Final = healthy(interval_ms=60)
"""Content reaches the client before the fault comes: a gateway that held both would try another target."""
STREAMED: Final = {
    "error-before-content": error_in_200(At.PREAMBLE),
    "error-after-content": replace(_PACED, kind=Kind.ERROR, code="server_is_overloaded"),
    "truncated": replace(_PACED, kind=Kind.CUT, clean=True),
    "truncated-before-content": cut(At.PREAMBLE, clean=True),
    "cut": replace(_PACED, kind=Kind.CUT),
    # It goes on behind the broken event for longer than any reader takes to turn away from it.
    "malformed": replace(_PACED, kind=Kind.MALFORMED, chunks=400),
    "html": Behaviour(kind=Kind.HTML),
    "whole": Behaviour(kind=Kind.NO_STREAM),
    "empty": Behaviour(kind=Kind.EMPTY),
    "reset": Behaviour(kind=Kind.RESET),
}


def _again(own: Mapping[str, Behaviour], name: str) -> Script:
    """A refusal that ends, or does not, for a client that asks again."""
    kind = name.removesuffix("-once")
    first = {
        "429-ms": _refusal(own, "429-ms"),
        "429-wait": replace(_refusal(own, "429-ms"), headers={"retry-after-ms": "1100"}),
        "500": replace(_refusal(own, "500"), headers={"retry-after-ms": "1"}),
        "500-told-not-to": replace(_refusal(own, "500"), headers={"x-should-retry": "false"}),
        "reset": Behaviour(kind=Kind.RESET),
    }.get(kind) or _refusal(own, kind)
    return (first, healthy()) if name.endswith("-once") else (first,)


def failures(refusals: Mapping[str, Behaviour]) -> dict[str, Script]:
    """The scripts of every case about a failure, in the words of one vendor."""
    found: dict[str, Script] = {f"refused/{name}": (_refusal(refusals, name),) for name in STATUSES}
    found |= {f"refused-stream/{name}": (_refusal(refusals, name),) for name in STREAM_STATUSES}
    found |= {f"broken/{name}": (_WHOLE[name],) for name in WHOLE}
    found |= {f"broken-stream/{name}": (STREAMED[name],) for name in STREAMS}
    found |= {f"broken-helper/{name}": (STREAMED[name],) for name in HELPED}
    return found | {f"retried/{name}": _again(refusals, name) for name in RETRIED}
