"""How long an upstream asks us to wait, in milliseconds.

Order and reading are those of the client libraries: `retry-after-ms`, then `retry-after` as seconds
(fractions allowed), then as an HTTP date. Rule: zero, negative and unreadable count as absent. A date
is measured against the answer's own `Date`, so no two clocks are compared; only an answer without one
is measured against ours.
"""

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

HeaderLookup = Callable[[bytes], bytes | None]
"""The first value under a lower-case name."""

MAX_MS: Final = 7 * 24 * 3_600_000
"""A week: longer waits say no more to a router, and the number must fit every column it is written to."""

_NUMBER: Final = re.compile(rb"\d{1,15}(?:\.\d{1,15})?")


def retry_after_ms(header: HeaderLookup, now_s: float | None = None) -> int | None:
    """The stated wait, at least 1 and at most `MAX_MS`; None when nothing readable is stated."""
    stated = header(b"retry-after-ms")
    wait = _number(stated)
    if wait is None:
        stated = header(b"retry-after")
        seconds = _number(stated)
        if seconds is None and stated is not None:
            seconds = _until(stated, header(b"date"), now_s)
        wait = None if seconds is None else seconds * 1000
    if wait is None or wait <= 0:
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
