"""What must come of each cell, by rule: what a fault is (table D1), and what follows from that.

Two small tables are the whole of it. `FOUND` says of each fault which class it has, how far the attempt had
come, and whether the client has content by then. `D1` says of each class whether the same request may ask the
same target again, whether another may be asked, and what is remembered. The rest is derived; nothing here was
read off a running gateway.
"""

from math import ceil
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock_domain.words import FailureClass, Phase, Result
from tests.services.interlock_gateway.faults.cells import FAULTY, HEALTHY, Cell

C, P = FailureClass, Phase


class Found(Struct, frozen=True):
    """A fault as it is recorded. `status`: of an answer that came; `stated_ms`: the wait that it states."""

    failure: FailureClass
    phase: Phase
    status: int | None = None
    stated_ms: int | None = None


class Tried(Struct, frozen=True):
    """One attempt: at whom, and how it failed, if it did."""

    provider: str
    found: Found | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """Everything about a cell, as it should be or as it was seen.

    `answer`: who said what the client has, and it is a whole answer. `error`: type and code that the API's
    client reads, of a body or of the last event. `cut`: the connection was broken off behind it. `learnt` is
    the local breaker after one request, `later` after a second: nothing, a strike, or a cooldown.
    """

    status: int
    answer: str | None = None
    error: tuple[str, str | None] | None = None
    cut: bool = False
    retry_after_s: int | None = None
    result: Result = Result.ANSWERED
    attempts: tuple[Tried, ...] = ()
    learnt: str = "nothing"
    later: str = "nothing"


class Rule(Struct, frozen=True):
    """A row of table D1. `memory`: strike, stated (a strike when nothing is stated), run, nothing."""

    memory: str
    again: bool = False
    elsewhere: bool = True


D1: Final = {
    C.RATE_LIMIT: Rule("stated"),  # again: only when what is stated is at most a second
    C.OVERLOAD: Rule("stated"),
    C.SERVER_ERROR: Rule("strike", again=True),
    C.DISCONNECT: Rule("strike", again=True),
    C.TIMEOUT: Rule("strike"),
    C.TRUNCATED: Rule("strike"),
    C.MALFORMED: Rule("strike"),
    C.NOT_FOUND: Rule("run"),
    C.PERMISSION: Rule("run"),
    C.AUTH: Rule("run"),
    C.BILLING: Rule("run"),
    C.CALLER_FAULT: Rule("nothing", elsewhere=False),
}
CAPACITY: Final = frozenset({C.RATE_LIMIT, C.OVERLOAD})
CREDENTIAL: Final = frozenset({C.AUTH, C.BILLING, C.PERMISSION})
RETRIES: Final = 2
"""Of the same target, by the policy."""
SHORT_WAIT_MS: Final = 1_000
UNSTATED_RETRY_S: Final = 5

_429: Final = Found(C.RATE_LIMIT, P.HEADERS, 429)
_LATE: Final = Found(C.TRUNCATED, P.CONTENT)
_IN_200: Final = Found(C.MALFORMED, P.PREAMBLE, 200)
_CUT_BODY: Final = Found(C.DISCONNECT, P.PREAMBLE)
_SILENT_BODY: Final = Found(C.TIMEOUT, P.PREAMBLE)
_LATE_IN_200: Final = Found(C.MALFORMED, P.CONTENT, 200)


def _stated(ms: int) -> Found:
    return Found(C.RATE_LIMIT, P.HEADERS, 429, ms)


EITHER: Final[dict[str, Found | None]] = {
    "none": None,
    "connect-refused": Found(C.DISCONNECT, P.CONNECT),
    "connect-unanswered": Found(C.TIMEOUT, P.CONNECT),
    "tls-failure": Found(C.DISCONNECT, P.CONNECT),
    "429": _429,
    "429-seconds": _stated(8_000),
    "429-fraction": _stated(7_500),
    "429-milliseconds": _stated(7_500),
    "429-date": _stated(8_000),
    "429-hint": _stated(7_500),
    "429-short": _stated(20),
    "302": Found(C.MALFORMED, P.HEADERS, 302),
    "408": Found(C.TIMEOUT, P.HEADERS, 408),
    "500": Found(C.SERVER_ERROR, P.HEADERS, 500),
    "502": Found(C.DISCONNECT, P.HEADERS, 502),
    "503": Found(C.SERVER_ERROR, P.HEADERS, 503),
    "503-seconds": Found(C.OVERLOAD, P.HEADERS, 503, 8_000),
    "504": Found(C.TIMEOUT, P.HEADERS, 504),
    "529": Found(C.OVERLOAD, P.HEADERS, 529),
    "400": Found(C.CALLER_FAULT, P.HEADERS, 400),
    "401": Found(C.AUTH, P.HEADERS, 401),
    "402": Found(C.BILLING, P.HEADERS, 402),
    "403": Found(C.PERMISSION, P.HEADERS, 403),
    "404": Found(C.CALLER_FAULT, P.HEADERS, 404),
    "404-model": Found(C.NOT_FOUND, P.HEADERS, 404),
    "reset-before-headers": Found(C.DISCONNECT, P.HEADERS),
    "reset-after-headers": _CUT_BODY,
    "stall-before-headers": Found(C.TIMEOUT, P.HEADERS),
    "stall-before-content": _SILENT_BODY,
    "error-in-200": Found(C.SERVER_ERROR, P.PREAMBLE, 200),
    "html-200": _IN_200,
    "garbage-100-mb": Found(C.MALFORMED, P.PREAMBLE),
    "endless-headers": Found(C.MALFORMED, P.HEADERS),
    "malformed-json": _IN_200,
    "invalid-utf8": _IN_200,
}
"""Faults that are the same for a whole answer and a stream; None: none at all."""

WHOLE: Final[dict[str, Found | None]] = {
    "reset-mid-chunk": _CUT_BODY,
    "stall-after-content": _SILENT_BODY,
    "slow-first-token": Found(C.TIMEOUT, P.HEADERS),
    "clean-end-early": _IN_200,  # half an object
    "empty-200": _IN_200,
    "length-too-large": _CUT_BODY,
    "length-too-small": _IN_200,
}
STREAMED: Final[dict[str, Found | None]] = {
    "reset-mid-chunk": _LATE,
    "stall-after-content": Found(C.TIMEOUT, P.CONTENT),
    "slow-first-token": _SILENT_BODY,
    "clean-end-before-content": Found(C.TRUNCATED, P.PREAMBLE, 200),
    "clean-end-early": Found(C.TRUNCATED, P.CONTENT, 200),
    "no-sentinel": None,  # the answer is whole: its last event is given to the client
    "empty-200": Found(C.TRUNCATED, P.PREAMBLE, 200),
    "malformed-json-later": _LATE_IN_200,
    "invalid-utf8-later": _LATE_IN_200,
    "error-event-before-content": Found(C.SERVER_ERROR, P.PREAMBLE, 200),
    "error-event-after-content": Found(C.SERVER_ERROR, P.CONTENT, 200),
    "whole-answer-to-a-stream": _IN_200,
    "garbage-100-mb": _IN_200,  # an event without an end
    "length-too-large": _LATE,
    "length-too-small": Found(C.TRUNCATED, P.CONTENT, 200),
}


def found_in(fault: str, *, stream: bool) -> Found | None:
    """The fault as it is recorded; None: the answer is whole."""
    own = STREAMED if stream else WHOLE
    return own[fault] if fault in own else EITHER[fault]


def _told(cell: Cell, found: Found) -> tuple[str, str | None]:
    """What a client reads inside a stream: the upstream's own words where it said any, else ours."""
    if cell.fault == "error-event-after-content":
        return ("api_error", None) if cell.surface.anthropic else ("server_error", "server_error")
    return "api_error" if cell.surface.anthropic else "upstream_error", found.failure.value


def expected(cell: Cell) -> Outcome:
    """What must come of a cell."""
    found = found_in(cell.fault, stream=cell.stream)
    if found is None:
        return Outcome(status=200, answer=FAULTY, attempts=(Tried(FAULTY),))
    rule, committed = D1[found.failure], found.phase is P.CONTENT
    short = found.stated_ms is not None and found.stated_ms <= SHORT_WAIT_MS
    again = not committed and (rule.again or (found.failure is C.RATE_LIMIT and short))
    tries = (Tried(FAULTY, found),) * (1 + (RETRIES if again else 0))
    if committed:
        error = _told(cell, found)
        outcome = Outcome(status=200, error=error, cut=True, result=Result.BROKEN, attempts=tries)
    elif not rule.elsewhere:
        outcome = _passed_on(cell, found, tries)
    elif cell.alone:
        outcome = _refused(cell, found, tries)
    else:
        outcome = Outcome(status=200, answer=HEALTHY, attempts=(*tries, Tried(HEALTHY)))
    if not cell.surface.evidence:
        return outcome
    later = "cooldown" if rule.memory in {"strike", "stated"} else "nothing"
    return replace(outcome, learnt=_learnt(found), later=later)


def _learnt(found: Found) -> str:
    """After one request: two strikes open a cooldown, a stated wait does at once."""
    rule = D1[found.failure]
    if rule.memory == "stated" and found.stated_ms is not None:
        return "cooldown"
    if rule.memory not in {"strike", "stated"}:
        return "nothing"
    early = {P.CONNECT, P.HEADERS} if found.failure is C.DISCONNECT else {P.CONNECT}
    broad = found.failure in {C.DISCONNECT, C.TIMEOUT} and found.phase in early
    return "strike, all shapes" if broad else "strike"


def _passed_on(cell: Cell, found: Found, tries: tuple[Tried, ...]) -> Outcome:
    """The caller's own fault: status and body of the upstream."""
    assert found.status is not None
    words = {400: "invalid_request_error", 404: "not_found_error"}
    error = (words[found.status] if cell.surface.anthropic else "simulated_error", None)
    return Outcome(status=found.status, error=error, result=Result.UPSTREAM_REFUSED, attempts=tries)


def _refused(cell: Cell, found: Found, tries: tuple[Tried, ...]) -> Outcome:
    """Nobody is left: 429 for want of capacity, 502 for anything else, in the form of the API."""
    status, code = 502, "attempts_failed"
    if found.failure in CAPACITY:
        status, code = 429, "capacity"
    elif found.failure in CREDENTIAL:
        code = "credentials_refused"
    kind = "rate_limit_error" if status == 429 else "api_error" if cell.surface.anthropic else "server_error"
    retry_after_s = None
    if status == 429:
        retry_after_s = UNSTATED_RETRY_S if found.stated_ms is None else ceil(found.stated_ms / 1000)
    return Outcome(
        status=status,
        error=(kind, code),
        retry_after_s=retry_after_s,
        result=Result.EXHAUSTED,
        attempts=tries,
    )
