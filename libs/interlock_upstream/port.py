"""The port: what the gateway asks of an upstream client, whoever implements it.

The rule kept: an attempt is `send`, any number of `next` (or one `read`), and exactly one `release`, in a
`finally`. Cancelling the waiting task at any point closes the connection. A library's client can stand beside
ours behind these two protocols, as long as it can tell kinds and phases apart.
"""

from collections.abc import Callable
from typing import Protocol

from interlock_upstream.pool import PoolStats
from interlock_upstream.request import PhaseLimits, UpstreamRequest


class UpstreamResponse(Protocol):
    """A response whose head has arrived. One reader at a time."""

    status: int
    headers: list[tuple[bytes, bytes]]
    """In the order received, names in lower case."""

    def header(self, name: bytes) -> bytes | None:
        """The first value under a lower-case name."""
        ...

    async def next(self, idle_s: float) -> bytes | None:
        """All body bytes received since the last call as one piece; None at a complete end.

        Waits at most `idle_s` seconds. Raises UpstreamFailed with phase BODY; what arrived before it was
        handed out.
        """
        ...

    async def pour(self, sink: Callable[[bytes], bool], idle_s: float) -> None:
        """Give `sink` each piece the moment it arrives, until it answers False, the body ends or fails.

        Nobody is woken between two pieces, which is half of what a small one costs. It may return at once,
        so whoever calls goes on with `next`, which tells how it ended; silence of `idle_s` seconds included.
        What the sink raises is raised here.
        """
        ...

    async def read(self, max_bytes: int, idle_s: float, deadline_s: float | None = None) -> bytes:
        """The rest of the body. `deadline_s`: seconds from now for all of it.

        Raises UpstreamFailed with phase BODY; `body_overflow` beyond `max_bytes`, counted after decoding.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived; it may still wait to be read."""
        ...

    def release(self) -> None:
        """Give the connection back when the response is complete, else close it. Idempotent."""
        ...


class UpstreamClient(Protocol):
    """Sends requests over pooled connections."""

    async def send(self, request: UpstreamRequest, limits: PhaseLimits) -> UpstreamResponse:
        """Write the request and wait for the response head. Raises UpstreamFailed with phase CONNECT or
        HEADERS."""
        ...

    def stats(self) -> PoolStats:
        """Open, idle and used connections as they are now."""
        ...

    async def close(self) -> None:
        """Close every connection; running exchanges fail with `reset`."""
        ...
