"""Headers that concern one connection alone and end with it (RFC 9110, 7.6.1), in either direction."""

from typing import Final

from interlock_gateway.asgi import HeaderPairs

HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection")
)
USUAL: Final = (b"keep-alive", b"close")
"""Values of `Connection` that name no other header."""


def end_to_end(headers: HeaderPairs) -> HeaderPairs:
    """Headers without those that `Connection` names, and then without it; the usual case is no copy."""
    for name, value in headers:
        if name == b"connection" and value.lower() not in USUAL:
            named = {token.strip().lower() for token in value.split(b",")} | {b"connection"}
            return [pair for pair in headers if pair[0] not in named]
    return headers
