"""Clients that keep a connection busy by sending or reading next to nothing.

Rule: a sweep once a second looks at all connections, so that a request which behaves pays two stores of a
number. A head has one time limit as a whole; a body must go on coming, at a pace that any link has; who does
not read an answer is cut off. A timer for each request was dropped: it costs more than the request's own
parsing, and what it guards against is counted in tens of seconds.
"""

from enum import Enum
from typing import Final

from msgspec import Struct


class Patience(Struct, frozen=True, kw_only=True):
    """How long a client may take; seconds, and bytes a second."""

    head_s: float = 20.0
    """From the connection, or from a request's first byte, to the end of its head."""
    body_idle_s: float = 30.0
    """Between two reads of a body."""
    body_grace_s: float = 60.0
    """From here on a body must have come at `slowest` on average."""
    slowest: int = 4 * 1024
    """A 32 MiB body may take two hours at this pace; a byte every 29 seconds may not go on."""
    read_s: float = 60.0
    """For a client to take what was written to it; proxies give their clients as long."""


class Overdue(Enum):
    """What a client took too long with."""

    HEAD = "head"
    BODY = "body"
    READING = "reading"


NEVER: Final = float("inf")


class Pace:
    """Where one connection stands; times are those of its loop."""

    __slots__ = ("body_bytes", "body_since", "head_since", "heard", "stuck_since")

    def __init__(self, now: float) -> None:
        self.head_since = now
        self.body_since = NEVER
        self.body_bytes = 0
        self.heard = now
        self.stuck_since = NEVER

    def overdue(self, now: float, patience: Patience) -> Overdue | None:
        """What this client took too long with, if anything."""
        if now - self.stuck_since > patience.read_s:
            return Overdue.READING
        if now - self.head_since > patience.head_s:
            return Overdue.HEAD
        took = now - self.body_since
        if took < 0:
            return None
        if now - self.heard > patience.body_idle_s:
            return Overdue.BODY
        if took > patience.body_grace_s and self.body_bytes < took * patience.slowest:
            return Overdue.BODY
        return None
