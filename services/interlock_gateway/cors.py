"""Pages in browsers: which origins may read answers, and what they are told before they ask.

Rule: off until `server.cors_origins` names somebody; cookies are never allowed along, so `*` gives a page
nothing that it could not ask for from a server of its own. A request that comes without an origin pays one
look. A middleware around the application was dropped: it would be paid for by every request.
"""

from collections.abc import Iterable
from typing import Final

from interlock_gateway.asgi import HeaderPairs, Message, Scope, Send
from interlock_gateway.wire import EXTENSION

MAX_AGE_S: Final = 600
"""How long a browser may remember a preflight: a change of the origins is in force everywhere by then."""
EXPOSED: Final = (
    b"x-request-id, request-id, x-upstream-request-id, retry-after, retry-after-ms, x-should-retry, "
    b"x-upstream-retry-after, x-upstream-retry-after-ms, x-interlock-target, x-interlock-attempts, "
    b"x-interlock-snapshot, x-interlock-reason, openai-processing-ms, *"
)
"""`*` stands for the rate limits of both vendors; a browser that does not know it still has the others."""
_METHODS: Final = b"GET, HEAD, POST"
_ANY: Final = b"*"


class Cors:
    """The origins of one snapshot."""

    def __init__(self, origins: Iterable[str]) -> None:
        self.origins = frozenset(origin.lower().encode() for origin in origins)

    def allows(self, origin: bytes) -> bool:
        """Whether a page of this origin may read answers."""
        return _ANY in self.origins or origin in self.origins

    def preflight(self, headers: HeaderPairs) -> HeaderPairs | None:
        """What is answered to a question before a request, beside `exposing`; None: this origin may not."""
        origin = _first(headers, b"origin")
        if origin is None or not self.allows(origin):
            return None
        asked = _first(headers, b"access-control-request-headers") or b""
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", asked or b"authorization, content-type"),
            (b"access-control-max-age", b"%d" % MAX_AGE_S),
        ]

    def exposing(self, scope: Scope, send: Send) -> Send:
        """A `send` that lets a page of an allowed origin read the answer; else `send` itself."""
        origin = _first(scope["headers"], b"origin")
        if origin is None or not self.allows(origin):
            return send
        scope.get("extensions", {}).pop(EXTENSION, None)  # what is written on the wire passes no `send`
        more = [(b"access-control-expose-headers", EXPOSED)]
        if _ANY in self.origins:
            more.append((b"access-control-allow-origin", _ANY))
        else:
            more += [(b"access-control-allow-origin", origin), (b"vary", b"origin")]

        async def exposed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *more]
            await send(message)

        return exposed


def _first(headers: HeaderPairs, wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None
