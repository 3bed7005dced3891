"""The terminal answer when no target answered: status, code, a sentence, and when to come back.

Rule (B3): 504 when time ran out, 429 when everything that was tried or could return failed or rests
for lack of capacity, 502 when attempts failed otherwise (every target refusing our credential too:
the client's key is fine), 503 when nothing was eligible. The sentence names each candidate and its
reason. Dropped: passing on the last upstream's status, because which target came last is chance.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from interlock_domain.attempt.record import AttemptRecord
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.routing.wording import reason_text, seconds_left
from interlock_domain.words import Eligibility, FailureClass, Outcome, Reason, Shape

RETRY_AFTER_CAP_S: Final = 60
"""Clients that are told to wait longer give up; a minute later the answer may be a better one."""
UNSTATED_S: Final = 5
"""Capacity without a stated time: as long as the first cooldown of an unstated 429 (table D1)."""
NAMED: Final = 8
"""Candidates named in a message; a sentence with more of them is not read."""

CAPACITY: Final = frozenset((FailureClass.RATE_LIMIT, FailureClass.RAMP, FailureClass.OVERLOAD))
CREDENTIAL: Final = frozenset((FailureClass.AUTH, FailureClass.BILLING, FailureClass.PERMISSION))


class RefusalCode(StrEnum):
    """The closed set of causes, as error bodies and `x-interlock-reason` carry it."""

    CAPACITY = "capacity"
    NO_TARGET = "no_target"
    ATTEMPTS_FAILED = "attempts_failed"
    CREDENTIALS_REFUSED = "credentials_refused"
    DEADLINE = "deadline"


STATUS: Final = {
    RefusalCode.CAPACITY: 429,
    RefusalCode.NO_TARGET: 503,
    RefusalCode.ATTEMPTS_FAILED: 502,
    RefusalCode.CREDENTIALS_REFUSED: 502,
    RefusalCode.DEADLINE: 504,
}


class Refusal(Struct, frozen=True, kw_only=True):
    """What the client is told; `parts` are the clauses of the message, one per candidate."""

    status: int
    code: RefusalCode
    message: str
    parts: tuple[str, ...]
    attempts: int
    retry_after_s: int | None = None


def refuse(
    decision: Decision,
    attempts: Sequence[AttemptRecord],
    as_of_ms: int,
    *,
    shape: Shape,
    timed_out: bool = False,
) -> Refusal:
    """The answer of a request none of whose attempts succeeded; `timed_out`: its deadline has passed."""
    code = _code(decision, attempts, timed_out=timed_out)
    parts = (*_tried(attempts), *_passed_over(decision, attempts, as_of_ms))
    retry_after = _retry_after_s(decision, attempts, as_of_ms) if code in _WAITING else None
    if code is RefusalCode.CAPACITY and retry_after is None:
        retry_after = UNSTATED_S
    return Refusal(
        status=STATUS[code],
        code=code,
        message=_sentence(code, decision, shape, parts, len(attempts)) + _earliest(retry_after),
        parts=parts,
        attempts=len(attempts),
        retry_after_s=retry_after,
    )


_WAITING: Final = frozenset((RefusalCode.CAPACITY, RefusalCode.NO_TARGET))
"""Codes for which waiting helps by itself."""


def _code(decision: Decision, attempts: Sequence[AttemptRecord], *, timed_out: bool) -> RefusalCode:
    if timed_out:
        return RefusalCode.DEADLINE
    if attempts:
        failures = {attempt.failure for attempt in attempts if attempt.outcome is Outcome.FAILED}
        if failures and failures <= CAPACITY:
            return RefusalCode.CAPACITY
        refused = failures and failures <= CREDENTIAL
        return RefusalCode.CREDENTIALS_REFUSED if refused else RefusalCode.ATTEMPTS_FAILED
    soft = [c for c in decision.candidates if c.state is Eligibility.SOFT_EXCLUDED]
    full = bool(soft) and all(_lacks_capacity(c) for c in soft)
    return RefusalCode.CAPACITY if full else RefusalCode.NO_TARGET


def _lacks_capacity(candidate: Candidate) -> bool:
    """Only time that an upstream stated, or a class that means capacity, speaks of capacity."""
    return candidate.reasons[0] is Reason.COOLDOWN_STATED or candidate.failure in CAPACITY


def _retry_after_s(decision: Decision, attempts: Iterable[AttemptRecord], as_of_ms: int) -> int | None:
    soft = (c for c in decision.candidates if c.state is Eligibility.SOFT_EXCLUDED)
    waits = [left for c in soft if (left := seconds_left(c, as_of_ms)) is not None]
    waits += [-(-a.retry_after_ms // 1_000) for a in attempts if a.retry_after_ms is not None]
    return min(RETRY_AFTER_CAP_S, max(1, min(waits))) if waits else None


def _tried(attempts: Iterable[AttemptRecord]) -> tuple[str, ...]:
    """One clause per target: the last failure counts, the number of tries is told."""
    last: dict[str, AttemptRecord] = {}
    tries: dict[str, int] = {}
    for attempt in attempts:
        last[attempt.target] = attempt
        tries[attempt.target] = tries.get(attempt.target, 0) + 1
    return tuple(_failure_text(attempt, tries[target]) for target, attempt in last.items())


def _failure_text(attempt: AttemptRecord, tries: int) -> str:
    words = [attempt.target, attempt.failure.value if attempt.failure else attempt.outcome.value]
    if attempt.status is not None:
        words.append(str(attempt.status))
    if tries > 1:
        words.append(f"x{tries}")
    return " ".join(words)


def _passed_over(decision: Decision, attempts: Iterable[AttemptRecord], as_of_ms: int) -> tuple[str, ...]:
    tried = {attempt.target for attempt in attempts}
    return tuple(
        f"{candidate.target} {reason_text(candidate, as_of_ms) or 'not tried'}"
        for candidate in decision.candidates
        if candidate.target not in tried
    )


def _sentence(
    code: RefusalCode, decision: Decision, shape: Shape, parts: Sequence[str], attempts: int
) -> str:
    subject = f"pool `{decision.pool}` ({shape.value})"
    counted = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    opening = {
        RefusalCode.CAPACITY: f"no capacity for {subject} after {counted}",
        RefusalCode.NO_TARGET: f"no target is eligible for {subject}",
        RefusalCode.ATTEMPTS_FAILED: f"{counted} failed for {subject}",
        RefusalCode.CREDENTIALS_REFUSED: f"every target refused the gateway's credential for {subject}",
        RefusalCode.DEADLINE: f"time ran out for {subject} after {counted}",
    }[code]
    named = [*parts[:NAMED], f"and {len(parts) - NAMED} more"] if len(parts) > NAMED else parts
    return f"{opening}: {'; '.join(named)}." if named else f"{opening}: it has no members."


def _earliest(retry_after_s: int | None) -> str:
    return "" if retry_after_s is None else f" Earliest: {retry_after_s} s."
