"""What an unsuccessful answer or a failed call means: table D1 of the requirements, as code.

Rule: status and codes decide, never message text (the exceptions, for vendors that send no code, are named
in `codes` and `retry_after`); what no row names is the caller's fault below 500 and the server's above.
Reading exception names or wording was dropped: it turns an upstream's new sentence into a cooldown.
"""

from typing import Any, Final

from msgspec.structs import replace

from interlock_domain.words import FailureClass, Phase
from interlock_protocols.failures import codes
from interlock_protocols.failures.failed_answer import FailedAnswer, Fault
from interlock_protocols.failures.retry_after import HeaderLookup, retry_after_ms
from interlock_protocols.failures.told import Told, read_body, read_error

__all__ = ["FailedAnswer", "Fault", "classify_answer", "classify_failure", "classify_in_band"]

_DISCONNECTS: Final = frozenset({"dns", "refused", "unreachable", "tls", "reset", "closed_early", "proxy"})
_CUTS: Final = frozenset({"reset", "closed_early"})
_TIMEOUTS: Final = frozenset({"connect_timeout", "headers_timeout", "idle_timeout", "deadline"})
_MALFORMED: Final = frozenset({"malformed", "header_overflow", "body_overflow"})


def classify_answer(
    status: int, header: HeaderLookup, body: bytes, *, target_model: str, now_s: float | None = None
) -> FailedAnswer:
    """The meaning of a whole answer that is no 2xx. `target_model` is the name that was sent upstream.

    `now_s` (wall clock) is read only for a Retry-After date in an answer without a `Date` of its own.
    """
    told = _with_type_of_aws(read_body(body), header(b"x-amzn-errortype"))
    wait = retry_after_ms(header, now_s) or _wait_in_body(status, told)
    failure = _failure(status, told, body, stated=wait is not None, target_model=target_model)
    return FailedAnswer(
        failure=failure,
        message=told.message,
        status=status,
        code=told.code,
        retry_after_ms=wait,
        fault=_fault(told, body) if failure is FailureClass.CALLER_FAULT else None,
        body=body,
    )


def classify_in_band(error: Any, *, target_model: str = "") -> FailedAnswer:
    """The meaning of an error object that came inside a 200, alone or in a chunk of a stream."""
    told = read_error(error)
    status = _stands_for(told)
    text = told.message.encode(errors="replace")
    wait = _wait_in_body(status, told)
    failure = _failure(status, told, text, stated=wait is not None, target_model=target_model)
    return FailedAnswer(
        failure=failure,
        message=told.message or "the upstream reported an error inside a successful answer",
        status=status,
        code=told.code,
        retry_after_ms=wait,
        fault=_fault(told, text) if failure is FailureClass.CALLER_FAULT else None,
        said=told.said,
    )


def classify_failure(kind: str, phase: Phase) -> FailureClass:
    """The class of a call that failed below HTTP; `kind` is the upstream client's word.

    `pool_exhausted` is our own bound and says nothing about the target: it has the class without a strike.
    """
    if phase is Phase.CONTENT and kind in _CUTS:
        return FailureClass.TRUNCATED
    if kind in _DISCONNECTS:
        return FailureClass.DISCONNECT
    if kind in _TIMEOUTS:
        return FailureClass.TIMEOUT
    if kind in _MALFORMED:
        return FailureClass.MALFORMED
    if kind == "pool_exhausted":
        return FailureClass.CONFLICT
    raise ValueError(f"unknown kind of failure: {kind}")


def _failure(status: int, told: Told, body: bytes, *, stated: bool, target_model: str) -> FailureClass:
    coded = _by_code(status, told)
    if coded is not None:
        return coded
    plain = codes.BY_STATUS.get(status)
    if plain is not None:
        return plain
    if 400 <= status < 500:
        return _client_side(status, told, body, target_model)
    if status == 503 and (stated or told.codes & codes.OVERLOAD):
        return FailureClass.OVERLOAD
    return FailureClass.SERVER_ERROR if status >= 500 else FailureClass.MALFORMED


def _by_code(status: int, told: Told) -> FailureClass | None:
    """What a code says that its vendor documents; None: the status decides."""
    for row in codes.BY_CODE:
        if status in row.statuses and told.codes & row.codes:
            return row.failure
    if status == 400 and told.message.startswith(codes.BILLING_TEXT):
        return FailureClass.BILLING
    return None


def _client_side(status: int, told: Told, body: bytes, target_model: str) -> FailureClass:
    """The 4xx whose meaning depends on the body."""
    if status == 402 and b"max_tokens" not in body:
        return FailureClass.BILLING
    if status == 403 and _fault(told, body) is Fault.OTHER:
        return FailureClass.PERMISSION
    if status == 404 and _names_model(told, body, target_model):
        return FailureClass.NOT_FOUND
    if status == 409 and told.codes & codes.LOCK:
        return FailureClass.CONFLICT
    return FailureClass.CALLER_FAULT


def _names_model(told: Told, body: bytes, target_model: str) -> bool:
    if told.codes & codes.MODEL_NOT_FOUND:
        return True
    # Some encoders write a slash as `\/`, and model names are full of slashes.
    return bool(target_model) and target_model.encode() in body.replace(b"\\/", b"/")


def _fault(told: Told, body: bytes) -> Fault:
    if told.moderated or told.codes & codes.CONTENT_POLICY:
        return Fault.CONTENT_POLICY
    if told.codes & codes.CONTEXT_LENGTH or any(text in body for text in codes.CONTEXT_LENGTH_TEXT):
        return Fault.CONTEXT_LENGTH
    return Fault.OTHER


def _stands_for(told: Told) -> int:
    """The status an in-band error would have had: its numeric code, else its words, else 500."""
    return told.status or max((codes.IN_BAND.get(word, 0) for word in told.codes), default=0) or 500


def _wait_in_body(status: int, told: Told) -> int | None:
    """A wait that no header states: only an answer that asks for patience is looked through for one."""
    return told.wait_ms if status in codes.WAITS else None


def _with_type_of_aws(told: Told, stated: bytes | None) -> Told:
    """AWS names the error in a header, a link behind it, and the body may hold nothing but a message."""
    word = (stated or b"").split(b":", 1)[0].strip().decode("latin-1")
    if not word:
        return told
    return replace(told, code=told.code or word, codes=told.codes | {word.lower()})
