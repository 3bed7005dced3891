"""The bounds of the client and why each has its value.

The rule kept: everything an upstream can make us hold has a bound here; times that depend on the request are
`PhaseLimits` in `request.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for one client. A frozen value: change it by making a new client."""

    max_connections: int = 1000
    """Open connections (idle, in use and being opened) for each (origin, pool_key); beyond it
    `pool_exhausted`."""

    idle_expiry_s: float = 55.0
    """Seconds an unused connection is kept. Just under the 60 s at which common load balancers close theirs,
    so that the closing side is ours and no request races with it. Servers that close after 5 s (uvicorn,
    Node) announce it, which takes the connection out of the pool at once; the rest of that race is what the
    one stale retry is for. A default of 4 s would win that race too, but costs every request of a quiet
    gateway a TLS handshake."""

    max_header_bytes: int = 64 * 1024
    """Bytes of a response head with its interim (1xx) responses, and of framing (chunk extensions, trailers)
    between two pieces of body. Sixteen times what real providers send."""

    buffer_bytes: int = 256 * 1024
    """Bytes of body held for a reader that does not read; above it the transport is paused. One socket read
    of either event loop, so a burst is one piece and never two."""

    def __post_init__(self) -> None:
        if min(self.max_connections, self.idle_expiry_s, self.max_header_bytes, self.buffer_bytes) <= 0:
            raise ValueError("every limit must be above zero")
