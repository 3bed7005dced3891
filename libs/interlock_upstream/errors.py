"""What can go wrong, as one tree; the gateway's failure memory is keyed on the two enums here.

    UpstreamError
    ├── UpstreamFailed      an attempt failed: `kind` says what broke, `phase` says how far it had come
    ├── InvalidValue        a URL, header or proxy entry that must never reach a socket (also a ValueError)
    └── ClientMisused       a closed client or a released response was used: a bug in the caller

The rule kept: a failure is told by kind and phase, both closed, so no caller ever reads message text. The
rival, one exception class for each kind, was dropped: fifteen classes times three phases is a table, and a
table wants data.
"""

from enum import StrEnum


class Phase(StrEnum):
    """How far the attempt had come."""

    CONNECT = "connect"  # nothing of the request was written
    HEADERS = "headers"  # the request may have been seen, no response head arrived
    BODY = "body"  # the response head was handed out


class FailureKind(StrEnum):
    """What broke. `reset` before and after the head is told apart by the phase."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    RESET = "reset"
    CLOSED_EARLY = "closed_early"  # a clean end of stream where more was owed
    HEADERS_TIMEOUT = "headers_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    DEADLINE = "deadline"
    MALFORMED = "malformed"
    HEADER_OVERFLOW = "header_overflow"
    BODY_OVERFLOW = "body_overflow"
    PROXY = "proxy"
    POOL_EXHAUSTED = "pool_exhausted"  # our own bound or the process's sockets; never the upstream's fault


class UpstreamError(Exception):
    """Anything this package raises on its own account."""


class UpstreamFailed(UpstreamError):
    """An attempt failed; the exception that caused it, if any, is the `__cause__`."""

    def __init__(self, kind: FailureKind, phase: Phase, detail: str = "") -> None:
        super().__init__(kind, phase, detail)
        self.kind = kind
        self.phase = phase
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.kind} in {self.phase}: {self.detail}" if self.detail else f"{self.kind} in {self.phase}"
        )


class InvalidValue(UpstreamError, ValueError):
    """A value that must not be written to a socket or cannot name an upstream."""


class ClientMisused(UpstreamError, RuntimeError):
    """A closed client was asked to send, or a released response to read."""
