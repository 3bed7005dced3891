"""An answer that must not be taken as one, as a value: whatever the upstream said instead.

Rule: everything that judges an answer (a status, an error inside a 200, a broken stream) ends in this
one struct, so the attempt loop reads class, wait and body in one place. Exceptions were dropped: a
refused answer is an everyday value, and a traceback for each costs more than the attempt.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from interlock_domain.words import FailureClass


class Fault(StrEnum):
    """What kind of caller's fault it is: failover is opt-in and differs between these."""

    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    OTHER = "other"


class FailedAnswer(Struct, frozen=True, kw_only=True):
    """`status` is the upstream's; for an error inside a 200 the one that its code stands for.

    `code` and `message` are the upstream's words, for the record and for people; `body` is what a
    client may be shown byte for byte (empty when there is none of its own). `said` is the error object of an
    error inside a stream, to be told again in a form that clients raise for.
    """

    failure: FailureClass
    message: str
    status: int | None = None
    code: str | None = None
    retry_after_ms: int | None = None
    fault: Fault | None = None
    body: bytes = b""
    said: dict[str, Any] | None = None


def broken(failure: FailureClass, code: str, message: str, *, status: int = 200) -> FailedAnswer:
    """A failure that we noticed and the upstream did not say; `code` is ours and stable."""
    return FailedAnswer(failure=failure, status=status, code=code, message=message)
