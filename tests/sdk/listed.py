"""The differences that are meant, each with its reason: the closed list of the SDK matrix.

Rule: an entry covers places of an observation, not whole cases, wherever the rest has to be equal; where a
whole observation differs, `holds` says what the gateway's side must then show.
"""

from typing import Final

from tests.sdk.compare import Expected, Listed

_STREAMS: Final = ("broken-stream/", "broken-responses/")
_BEFORE_CONTENT: Final = (
    "broken/*",
    *(
        kind + fault
        for kind in _STREAMS
        for fault in ("error-before-content", "truncated-before-content", "html", "whole", "empty", "reset")
    ),
)
_CUT: Final = (
    *(kind + fault for kind in _STREAMS for fault in ("truncated", "cut", "malformed")),
    "broken-helper/truncated",
    "broken-responses-helper/truncated",
)
_ITEMS: Final = tuple(f"seen.items.{'[0-9]' * digits}" for digits in (1, 2, 3))
"""An item that one side has and the other has not; what an item says is never covered."""
_BY_STATUS: Final = {"seen.raised.class": "*.InternalServerError", "seen.raised.status_code": "502"}
_IN_STREAM: Final = {"seen.raised.class": "*.API*Error", "seen.raised.message": "*it is incomplete*"}

EXPECTED: Final = Expected(
    raises=(
        "refused*",
        "keys/wrong",
        "models/missing",
        "models/unknown-model",
        "*timeout",
        "*stalled",
        "*aborted",
        "*cancelled",
        "chat/structured-cut-by-length",
    ),
    may=("broken*", "retried/*"),
)

LISTED: Final = (
    Listed(
        name="request id",
        reason="`x-request-id` and `request-id` name the gateway's own record, which `interlock explain` "
        "tells about; the vendor's id stands beside it as `x-upstream-request-id`",
        paths=(
            "seen.headers.x-request-id",
            "seen.headers.request-id",
            "seen.headers.x-upstream-request-id",
            "seen.request_id",
            "seen.parsed_request_id",
            "seen.raised.request_id",
        ),
    ),
    Listed(
        name="own headers",
        reason="each answer says which target served it, after how many attempts and under which snapshot; "
        "a stream says that nobody on its way may keep or buffer it",
        paths=(
            "seen.headers.x-interlock-*",
            "seen.headers.cache-control",
            "seen.headers.x-accel-buffering",
        ),
    ),
    Listed(
        name="site headers",
        reason="a cookie or a transport rule of the vendor's site would be taken for one of the gateway's",
        paths=("seen.headers.set-cookie", "seen.headers.strict-transport-security"),
    ),
    Listed(
        name="cookies",
        reason="a caller's cookies and keys, in whichever header, are for the gateway and never go upstream",
        cases=("keys/in-another-header", "client/default-headers"),
        paths=("asked.requests.0.credentials.*",),
        holds={"asked.requests.0.credentials.0": "its own", "asked.requests.0.credentials.1": "(absent)"},
    ),
    Listed(
        name="retries",
        reason="one layer retries: the gateway asks again itself, with the same bytes, and tells the SDK not "
        "to (`x-should-retry: false`), which would multiply the two",
        cases=("refused*", "retried/[!4]*", "retried/4??", "retried/429-ms*", "broken*"),
        paths=("asked.times", "seen.raised.headers.x-should-retry"),
    ),
    Listed(
        name="retry count",
        reason="the same, seen from the provider: the second request is not one of the SDK's, and is not "
        "counted as one in its `x-stainless-retry-count`",
        cases=("retried/5*", "retried/429-ms*", "retried/reset*"),
        paths=("asked.requests.1", "asked.requests.2", "asked.requests.1.headers.*"),
    ),
    Listed(
        name="models",
        reason="models are the gateway's pools, which have no date and no other owner; the fields of both "
        "APIs stand in one object",
        cases=("models/list", "models/retrieve"),
        paths=tuple(
            f"seen.{place}{name}"
            for place in ("", "models.*.")
            for name in ("created", "created_at", "owned_by", "object", "type", "display_name")
        ),
    ),
    Listed(
        name="own words",
        reason="a key or a model that the gateway does not know is refused by the gateway: same class, "
        "status and code, its own sentence, and nothing is asked upstream",
        cases=("keys/wrong", "models/missing", "models/unknown-model"),
        paths=(
            "seen.raised.message",
            "seen.raised.type",
            "seen.raised.param",
            "seen.raised.body.*",
            "asked.times",
            "asked.requests.0",
        ),
        holds={"asked.times": "0"},
    ),
    Listed(
        name="no false success",
        reason="the SDK alone takes it for an answer, or for an answer without content; the gateway does not "
        "pass it on, and the user gets a 502",
        cases=_BEFORE_CONTENT,
        silent=True,
        paths=("seen", "seen.*"),
        holds=_BY_STATUS,
    ),
    Listed(
        name="error by status",
        reason="it fails before any content, so the user gets a 502 and the SDK's own class of error instead "
        "of a parser's, a socket's or one without a status",
        cases=_BEFORE_CONTENT,
        silent=False,
        paths=("seen.items", "seen.raised.*"),
        holds=_BY_STATUS,
    ),
    Listed(
        name="no false end",
        reason="the SDK alone takes a stream that was cut off for a whole one; the gateway ends it in an "
        "error of the SDK's own class",
        cases=_CUT,
        silent=True,
        paths=(*_ITEMS, "seen.final", "seen.final.*", "seen.raised"),
        holds=_IN_STREAM,
    ),
    Listed(
        name="error in the stream",
        reason="what breaks after content is an error of the SDK's own class, instead of a parser's or a "
        "socket's, in words that name the cause",
        cases=_CUT,
        silent=False,
        paths=(*_ITEMS, "seen.final", "seen.final.*", "seen.raised.*"),
        holds=_IN_STREAM,
    ),
    Listed(
        name="error is raised",
        reason="an error that the vendor reports inside a stream after content keeps the vendor's words and "
        "comes in the form that every SDK raises for, with all fields of an error",
        cases=("broken-*/error-after-content",),
        paths=(
            *_ITEMS,
            "seen.final",
            "seen.final.*",
            "seen.raised",
            "seen.raised.param",
            "seen.raised.body.param",
            "seen.raised.body.request_id",
            "seen.raised.message",
        ),
        holds={"seen.raised.class": "*.API*Error", "seen.raised.message": "*simulated error inside a 200*"},
    ),
    Listed(
        name="sentinel",
        reason="an answer that is whole but for its last event is ended properly",
        cases=("messages/stream-no-sentinel",),
        paths=_ITEMS,
        holds={"seen.items.9.type": "message_stop"},
    ),
)
