"""How long an upstream asks us to wait, in milliseconds.

Order and reading are those of the client libraries: `retry-after-ms`, then `retry-after` as seconds
(fractions allowed), then as an HTTP date. Rule: zero, negative and unreadable count as absent. A date
is measured against the answer's own `Date`, so no two clocks are compared; only an answer without one
is measured against ours.

Where no header says it, a body may: Google's RetryInfo, and sentences that OpenAI, Groq, Azure and Google
write ("Please try again in 1m30.5s", "Please retry after 20 seconds"). That is the one wait that is read
from words, and it can do no more than a header could: the cap of the policy holds for both.
`x-ratelimit-reset-*` was dropped: at OpenAI and Groq it is the time until a bucket is full, not until a
request fits, Groq's `-requests` is always that of the day, and others write an epoch or a date there.
"""

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final

HeaderLookup = Callable[[bytes], bytes | None]
"""The first value under a lower-case name."""

MAX_MS: Final = 7 * 24 * 3_600_000
"""A week: longer waits say no more to a router, and the number must fit every column it is written to."""

_NUMBER: Final = re.compile(rb"\d{1,15}(?:\.\d{1,15})?")

_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds by the letter a unit begins with; those that are milliseconds are told apart before."""
_UNIT: Final = r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_PART: Final = re.compile(rf"(\d{{1,12}}(?:\.\d{{1,15}})?)\s?{_UNIT}(?![a-z])", re.IGNORECASE)
_DURATION: Final = re.compile(
    rf"(?:\d{{1,12}}(?:\.\d{{1,15}})?\s?{_UNIT}\s?){{1,5}}(?![a-z\d])", re.IGNORECASE
)
_SENTENCE: Final = re.compile(r"\b(?:try again|retry|wait) ?(?:in |after |for )?(?=\d)", re.IGNORECASE)

LOOKED_THROUGH: Final = 8_192
"""Characters of a message that are searched for a wait: Google lists its quotas before it."""


def retry_after_ms(header: HeaderLookup, now_s: float | None = None) -> int | None:
    """The wait that headers state, at least 1 and at most `MAX_MS`; None when nothing readable is stated."""
    stated = header(b"retry-after-ms")
    wait = _number(stated)
    if wait is None:
        stated = header(b"retry-after")
        seconds = _number(stated)
        if seconds is None and stated is not None:
            seconds = _until(stated, header(b"date"), now_s)
        wait = None if seconds is None else seconds * 1000
    return _bounded(wait)


def seconds_ms(stated: Any) -> int | None:
    """A wait that a body states as a number of seconds."""
    return _bounded(stated * 1000) if type(stated) in (int, float) else None


def duration_ms(stated: Any) -> int | None:
    """A wait written as a duration: `20s`, `6ms`, `1m30.5s`, `2 seconds`."""
    if type(stated) is not str or _DURATION.fullmatch(stated.strip()) is None:
        return None
    return _bounded(sum(float(number) * _unit_ms(unit) for number, unit in _PART.findall(stated)))


def hinted_ms(message: str) -> int | None:
    """The wait that a sentence names, if one does."""
    message = message[:LOOKED_THROUGH]
    for sentence in _SENTENCE.finditer(message):
        found = _DURATION.match(message, sentence.end())
        if found is not None:
            return duration_ms(found[0])
    return None


def _unit_ms(unit: str) -> int:
    unit = unit.lower()
    return 1 if unit == "ms" or unit.startswith("mil") else _UNITS[unit[0]]


def _bounded(wait: float | None) -> int | None:
    if wait is None or not 0 < wait < float("inf"):
        return None
    return min(max(round(wait), 1), MAX_MS)


def _number(stated: bytes | None) -> float | None:
    """Digits only: Python's own float() would also read `nan`, `1_0` and `infinity`."""
    if stated is None or _NUMBER.fullmatch(stated.strip()) is None:
        return None
    return float(stated) or None


def _until(stated: bytes, date: bytes | None, now_s: float | None) -> float | None:
    then = _timestamp(stated)
    now = _timestamp(date) if date is not None else None
    now = now_s if now is None else now
    return None if then is None or now is None else then - now


def _timestamp(date: bytes) -> float | None:
    try:
        return parsedate_to_datetime(date.decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return None
