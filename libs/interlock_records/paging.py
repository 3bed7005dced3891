"""Cursors of newest-first pages. Pure.

Rule: a cursor names the last record of a page by (start, request id), never by a count, so records
that arrive meanwhile move nothing. It is opaque to clients; one that we did not make is a
BadCursor, which the API answers with 400.
"""

import base64
import binascii

from interlock_domain.attempt.record import RequestRecord


class BadCursor(ValueError):
    """The text is no cursor of ours."""


def cursor_of(record: RequestRecord) -> str:
    """The cursor after this record."""
    text = f"{record.started_ms} {record.request_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[int, str]:
    """(started_ms, request_id) that the cursor names."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        started, _, request_id = base64.urlsafe_b64decode(padded.encode()).decode().partition(" ")
        return int(started), request_id
    except (binascii.Error, UnicodeError, ValueError):
        raise BadCursor(f"{cursor!r} is no cursor of this API: take `next` of the previous page") from None


def snapshot_place(version: str) -> tuple[int, int]:
    """(generation, position) of a snapshot version text; (0, 0) when it is not one."""
    generation, _, position = version.removeprefix("g").partition(":")
    if generation.isdecimal() and position.isdecimal():
        return int(generation), int(position)
    return 0, 0
