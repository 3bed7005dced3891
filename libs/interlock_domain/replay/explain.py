"""An explanation: a request record turned into the answer, the candidates and the walk, as data.

Rule: the answer first, then the evidence, one fact a line; times relative to the request. The words
come from routing/wording.py, so that API, CLI and dashboard say the same; how they look is theirs.
Operators' names and remarks come from the snapshot's rows, which clients never see. Dropped: an
explanation written by the gateway at the time, because it could not be checked against anything.
"""

from msgspec import Struct

from interlock_domain.attempt.record import AttemptRecord, RequestRecord, failovers, in_order, lost
from interlock_domain.replay.recompute import Proof, prove
from interlock_domain.routing.decision import Candidate
from interlock_domain.routing.wording import PHRASES, reason_text
from interlock_domain.rows import CooldownRow, StateRow
from interlock_domain.snapshot.snapshot import CompiledMember, CompiledPool, Snapshot
from interlock_domain.words import Eligibility, FailureClass, Outcome, Phase, Reason, Result, SkipReason


class CandidateLine(Struct, frozen=True, kw_only=True):
    """One candidate; `text` is its reason in words, `by` the operator behind it, `position` the evidence."""

    target: str
    rank: int | None
    state: Eligibility
    reasons: tuple[Reason, ...]
    text: str
    priority: int | None = None
    weight: int | None = None
    left_ms: int | None = None
    """From the decision until the candidate may be back."""
    position: int | None = None
    by: str | None = None
    remark: str | None = None

    @property
    def passed_over(self) -> bool:
        """Was it left out of the plan?"""
        return self.rank is None


class AttemptLine(Struct, frozen=True, kw_only=True):
    """One attempt, times since the request began."""

    number: int
    target: str
    outcome: Outcome
    started_ms: int
    ended_ms: int
    text: str
    failure: FailureClass | None = None
    status: int | None = None
    ttft_ms: int | None = None


class SkipLine(Struct, frozen=True, kw_only=True):
    """A candidate or retry that was not made."""

    target: str
    reason: SkipReason


class Explanation(Struct, frozen=True, kw_only=True):
    """Everything that is known of one request."""

    request_id: str
    answer: str
    result: Result
    pool: str
    strategy: str | None
    snapshot: str
    engine: str
    seed: int
    turn: int
    as_of_ms: int
    stream: bool
    failovers: int
    duration_ms: int
    ttfc_ms: int | None
    candidates: tuple[CandidateLine, ...]
    attempts: tuple[AttemptLine, ...]
    skips: tuple[SkipLine, ...]
    proof: Proof


def explain(snapshot: Snapshot | None, record: RequestRecord) -> Explanation:
    """Explain a record; `snapshot` is that of the record, None when it can no longer be rebuilt."""
    decision = record.decision
    candidates = decision.candidates if decision is not None else ()
    seen = snapshot if snapshot is not None and snapshot.version == record.snapshot else None
    return Explanation(
        request_id=record.request_id,
        answer=_answer(record),
        result=record.result,
        pool=record.pool,
        strategy=decision.strategy.value if decision is not None else None,
        snapshot=record.snapshot,
        engine=record.engine,
        seed=record.inputs.seed,
        turn=record.inputs.turn,
        as_of_ms=record.inputs.as_of_ms,
        stream=record.inputs.traits.stream,
        failovers=failovers(record.attempts),
        duration_ms=record.duration_ms,
        ttfc_ms=record.ttfc_ms,
        candidates=tuple(_candidate_line(seen, record, candidate) for candidate in candidates),
        attempts=tuple(_attempt_line(attempt, record) for attempt in in_order(record.attempts)),
        skips=tuple(SkipLine(target=skip.target, reason=skip.reason) for skip in record.skips),
        proof=prove(snapshot, record),
    )


_ANSWERS = {
    Result.ANSWERED: "answered by {target}",
    Result.UPSTREAM_REFUSED: "refused by {target}, and its answer passed on",
    Result.NO_TARGET: "no target was eligible",
    Result.EXHAUSTED: "every attempt failed, the last on {target}",
    Result.DEADLINE: "time ran out",
    Result.BROKEN: "the stream of {target} broke after its first content",
    Result.CLIENT_ABORT: "the client left",
    Result.SHUTDOWN: "the gateway stopped",
    Result.REFUSED: "refused by the gateway",
}


def _answer(record: RequestRecord) -> str:
    """The headline, for example `answered by breeze/large after 1 failover, 412 ms to first content`."""
    broke = _broke(record)
    target = broke.target if broke is not None and record.result is Result.BROKEN else record.target
    text = _ANSWERS[record.result].format(target=target or "nobody")
    if broke is not None and record.result is Result.ANSWERED:
        text += f", continuing the stream of {broke.target},"
    moves = failovers(record.attempts)
    if moves:
        text += f" after {moves} failover{'' if moves == 1 else 's'}"
    rival = _rival(record)
    if rival is not None:
        text += f" in a race with {rival}"
    if record.ttfc_ms is not None:
        return f"{text}, {record.ttfc_ms} ms to first content"
    return f"{text}, {record.duration_ms} ms"


def _broke(record: RequestRecord) -> AttemptRecord | None:
    """The attempt whose stream the client was shown first, where that one broke."""
    return next((attempt for attempt in record.attempts if attempt.phase is Phase.CONTENT), None)


def _rival(record: RequestRecord) -> str | None:
    """The target that lost the race to the one that answered."""
    return next((one.target for one in lost(record.attempts) if one.target != record.target), None)


def _won(attempt: AttemptRecord, record: RequestRecord, broke: AttemptRecord | None) -> bool:
    """Whether this attempt was the first of a race to show content; it may have broken since."""
    if broke is not None:
        return attempt is broke and bool(lost(record.attempts))
    return _rival(record) is not None and attempt.target == record.target


def _candidate_line(snapshot: Snapshot | None, record: RequestRecord, candidate: Candidate) -> CandidateLine:
    as_of_ms = record.inputs.as_of_ms
    pool = snapshot.resolve(record.inputs.model) if snapshot is not None else None
    member = _member(pool, candidate)
    row = _operator_row(pool, member, candidate)
    return CandidateLine(
        target=candidate.target,
        rank=candidate.rank,
        state=candidate.state,
        reasons=candidate.reasons,
        text=_text(candidate, as_of_ms),
        priority=member.priority if member is not None else None,
        weight=member.weight if member is not None else None,
        left_ms=None if candidate.until_ms is None else max(0, candidate.until_ms - as_of_ms),
        position=candidate.cause,
        by=row.actor if row is not None else None,
        remark=row.reason if row is not None else None,
    )


def _text(candidate: Candidate, as_of_ms: int) -> str:
    """Every reason in words; the first with its time, and the class that led to it."""
    first = reason_text(candidate, as_of_ms)
    if candidate.failure is not None:
        first = f"{first} ({candidate.failure.value})"
    return ", ".join([first, *(PHRASES[reason] for reason in candidate.reasons[1:])])


def _operator_row(
    pool: CompiledPool | None, member: CompiledMember | None, candidate: Candidate
) -> StateRow | CooldownRow | None:
    """The row of whoever decided the first reason; None when no operator did."""
    if pool is None or member is None or not candidate.reasons:
        return None
    first = candidate.reasons[0]
    if first is Reason.COOLDOWN_OPERATOR:
        rests = member.row.operator if member.row is not None else ()
        return max(rests, key=lambda rest: rest.until_ms, default=None)
    rows = {
        "target": member.row.state if member.row is not None else None,
        "provider": member.provider_row.state if member.provider_row is not None else None,
        "pool": pool.row.state if pool.row is not None else None,
        "member": member.state,
    }
    subject, _, what = first.value.partition("_")
    return rows.get(subject) if what in {"disabled", "drained"} else None


def _member(pool: CompiledPool | None, candidate: Candidate) -> CompiledMember | None:
    members = pool.members if pool is not None else ()
    return next((member for member in members if member.target.id == candidate.target), None)


def _attempt_line(attempt: AttemptRecord, record: RequestRecord) -> AttemptLine:
    return AttemptLine(
        number=attempt.number,
        target=attempt.target,
        outcome=attempt.outcome,
        started_ms=attempt.started_ms,
        ended_ms=attempt.ended_ms,
        text=_attempt_text(attempt, record),
        failure=attempt.failure,
        status=attempt.status,
        ttft_ms=attempt.ttft_ms,
    )


def _attempt_text(attempt: AttemptRecord, record: RequestRecord) -> str:
    """For example `disconnect in headers`, `server_error 500 in headers, retry`, `succeeded, hedge, won`."""
    ended = "lost the race" if attempt.outcome is Outcome.LOST else attempt.outcome.value
    words = [attempt.failure.value if attempt.failure is not None else ended]
    if attempt.outcome is Outcome.ABORTED and attempt.detail is not None:
        words.append(f"({attempt.detail})")
    if attempt.status is not None and attempt.failure is not None:
        words.append(str(attempt.status))
    if attempt.phase is not None:
        words.append(f"in {attempt.phase.value}")
    broke = _broke(record)
    marks = (
        ("resume", broke is not None and attempt is not broke and attempt.started_ms >= broke.ended_ms),
        ("probe", attempt.probe),
        ("retry", attempt.try_ > 1),
        ("hedge", attempt.hedge),
        ("won the race", _won(attempt, record, broke)),
    )
    return ", ".join([" ".join(words), *(mark for mark, on in marks if on)])
