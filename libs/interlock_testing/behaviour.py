"""What a simulated provider does to a request, as a value that can be set, sent and scheduled.

Rule: a behaviour is plain data, so a test sets it in a line, another process gets it as JSON, and a
schedule is a pure function of elapsed seconds. Subclasses of the provider, one for each fault, were
dropped: a fault could then not change while connections are open, and that is when faults happen.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct, field


class Kind(StrEnum):
    """The one thing that goes wrong, if any."""

    HEALTHY = "healthy"
    FAIL = "fail"
    """Answers with `status`, `headers` and `body`."""
    RESET = "reset"
    """Resets the connection before any answer."""
    CUT = "cut"
    """Closes the connection at `at`; with `clean`, ends the transfer in order instead."""
    STALL = "stall"
    """Says nothing more from `at` on, until `SimulatedProvider.release`."""
    ERROR = "error"
    """A 200 that carries an error object, for streams at `at`."""
    MALFORMED = "malformed"
    """A 200 with broken JSON, for streams at `at`."""
    HTML = "html"
    """A 200 with a page."""
    EMPTY = "empty"
    """A 200 without a body."""
    NO_SENTINEL = "no_sentinel"
    """A stream without its last event: `[DONE]`, or message_stop."""
    NO_STREAM = "no_stream"
    """A whole answer where a stream was asked for."""


class At(StrEnum):
    """Where in an answer it goes wrong. A whole answer has no preamble: it breaks in its middle."""

    HEADERS = "headers"
    PREAMBLE = "preamble"
    """After what each API opens a stream with, before content."""
    CONTENT = "content"
    """After `after` pieces of content."""


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests are answered. Times are milliseconds; `only_tools` leaves requests without tools alone.

    An answer has `thinking` pieces of thought, `chunks` words (or those that it `says`), then `tool_calls`
    calls of tools that the request has; `voices` says what that is in each API. `flat_error`: an error inside
    a Responses stream is the `error` event alone, which clients read and do not raise.
    """

    kind: Kind = Kind.HEALTHY
    at: At = At.CONTENT
    after: int = 2
    clean: bool = False
    only_tools: bool = False
    status: int = 500
    code: str = "server_error"
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    latency_ms: float = 0
    first_token_ms: float = 0
    interval_ms: float = 0
    chunks: int = 5
    thinking: int = 0
    tool_calls: int = 0
    flat_error: bool = False
    says: str = ""


Schedule = Callable[[float], Behaviour]
"""Behaviour by seconds since the start."""


def healthy(
    *, latency_ms: float = 0, first_token_ms: float = 0, interval_ms: float = 0, chunks: int = 5
) -> Behaviour:
    """Answers as it should."""
    return Behaviour(
        latency_ms=latency_ms, first_token_ms=first_token_ms, interval_ms=interval_ms, chunks=chunks
    )


def fail(status: int, body: str | None = None, headers: dict[str, str] | None = None) -> Behaviour:
    """Refuses with a status; without `body` in the words of the API that was asked."""
    return Behaviour(kind=Kind.FAIL, status=status, body=body, headers=headers or {})


def cut(at: At = At.CONTENT, *, after: int = 2, clean: bool = False) -> Behaviour:
    """Breaks off; `clean` is the ending that client libraries take for success."""
    return Behaviour(kind=Kind.CUT, at=at, after=after, clean=clean)


def stall(at: At, *, after: int = 2) -> Behaviour:
    """Falls silent."""
    return Behaviour(kind=Kind.STALL, at=at, after=after)


def error_in_200(at: At = At.PREAMBLE, *, code: str = "server_error", after: int = 2) -> Behaviour:
    """Reports an error inside a successful answer."""
    return Behaviour(kind=Kind.ERROR, at=at, code=code, after=after)


def repeating(parts: Sequence[tuple[float, Behaviour]]) -> Schedule:
    """A schedule that goes round: each behaviour for so many seconds."""
    total = sum(seconds for seconds, _ in parts)

    def at(elapsed_s: float) -> Behaviour:
        left = elapsed_s % total
        for seconds, behaviour in parts:
            if left < seconds:
                return behaviour
            left -= seconds
        return parts[-1][1]

    return at
