"""A request's account as the API answers it: the contract's fields first, then what people like to read.

Rule: every word of it comes from the record and from the domain's explanation; this module only arranges.
"""

from typing import Any

from msgspec import Struct, field

from interlock_domain.attempt.record import AttemptRecord, RequestRecord, in_order
from interlock_domain.replay.explain import CandidateLine, Explanation, SkipLine
from interlock_domain.replay.recompute import Proof
from interlock_domain.words import Eligibility


class CandidateAnswer(Struct, frozen=True, kw_only=True):
    """One candidate of the decision; `text` says its reason in words."""

    target: str
    eligible: bool
    state: str
    reasons: tuple[str, ...]
    rank: int | None
    text: str
    priority: int | None
    weight: int | None
    remaining_s: float | None
    position: int | None
    by: str | None
    remark: str | None


class DecisionAnswer(Struct, frozen=True, kw_only=True):
    """What was decided, from which inputs."""

    strategy: str | None
    seed: int
    turn: int
    as_of_ms: int
    candidates: tuple[CandidateAnswer, ...]


class AttemptAnswer(Struct, frozen=True, kw_only=True):
    """One attempt; times count from the start of the request.

    `redirect` null: the upstream was asked for the model that the client named. `headers` are the names of
    those that went upstream otherwise than the client sent them.
    """

    number: int
    target: str
    outcome: str
    failure: str | None = field(name="class")
    phase: str | None
    status: int | None
    started_ms: int
    ended_ms: int
    ttft_ms: int | None
    probe: bool
    retry: bool
    hedge: bool
    redirect: str | None
    headers: tuple[str, ...]
    text: str


class ProofAnswer(Struct, frozen=True, kw_only=True):
    """The decision recomputed from the log; `recomputed_equal` None: it could not be."""

    recomputed_equal: bool | None
    verdict: str
    engine: str
    recomputed: Any = None
    """The plan that the log leads to, when it differs."""


class RequestAnswer(Struct, frozen=True, kw_only=True):
    """Everything that is known of one request."""

    request_id: str
    answer: str
    result: str
    pool: str
    target: str | None
    gateway: str
    snapshot: str
    api: str
    shape: str
    stream: bool
    started_ms: int
    duration_ms: int
    ttfc_ms: int | None
    status: int | None
    reason: str | None
    failovers: int
    decision: DecisionAnswer
    attempts: tuple[AttemptAnswer, ...]
    skips: tuple[SkipLine, ...]
    proof: ProofAnswer
    usage: dict[str, int | None] | None
    bytes_in: int
    bytes_out: int


def request_answer(record: RequestRecord, told: Explanation) -> RequestAnswer:
    """Arrange a record and its explanation."""
    traits = record.inputs.traits
    return RequestAnswer(
        request_id=record.request_id,
        answer=told.answer,
        result=record.result.value,
        pool=record.pool,
        target=record.target,
        gateway=record.gateway,
        snapshot=record.snapshot,
        api=traits.api.value,
        shape=traits.shape.value,
        stream=traits.stream,
        started_ms=record.started_ms,
        duration_ms=record.duration_ms,
        ttfc_ms=record.ttfc_ms,
        status=record.status,
        reason=record.reason,
        failovers=told.failovers,
        decision=DecisionAnswer(
            strategy=told.strategy,
            seed=told.seed,
            turn=told.turn,
            as_of_ms=told.as_of_ms,
            candidates=tuple(_candidate(line) for line in told.candidates),
        ),
        attempts=tuple(
            _attempt(attempt, line.text)
            for attempt, line in zip(in_order(record.attempts), told.attempts, strict=True)
        ),
        skips=told.skips,
        proof=_proof(told.proof),
        usage=_usage(record),
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
    )


def _candidate(line: CandidateLine) -> CandidateAnswer:
    return CandidateAnswer(
        target=line.target,
        eligible=line.state in {Eligibility.ELIGIBLE, Eligibility.DEGRADED},
        state=line.state.value,
        reasons=tuple(reason.value for reason in line.reasons),
        rank=line.rank,
        text=line.text,
        priority=line.priority,
        weight=line.weight,
        remaining_s=None if line.left_ms is None else line.left_ms / 1000,
        position=line.position,
        by=line.by,
        remark=line.remark,
    )


def _attempt(attempt: AttemptRecord, text: str) -> AttemptAnswer:
    return AttemptAnswer(
        number=attempt.number,
        target=attempt.target,
        outcome=attempt.outcome.value,
        failure=attempt.failure.value if attempt.failure is not None else None,
        phase=attempt.phase.value if attempt.phase is not None else None,
        status=attempt.status,
        started_ms=attempt.started_ms,
        ended_ms=attempt.ended_ms,
        ttft_ms=attempt.ttft_ms,
        probe=attempt.probe,
        retry=attempt.try_ > 1,
        hedge=attempt.hedge,
        redirect=attempt.redirect,
        headers=attempt.headers,
        text=text,
    )


def _proof(proof: Proof) -> ProofAnswer:
    differs = proof.recomputed_equal is False
    return ProofAnswer(
        recomputed_equal=proof.recomputed_equal,
        verdict=proof.verdict.value,
        engine=proof.engine,
        recomputed=proof.recomputed if differs else None,
    )


def _usage(record: RequestRecord) -> dict[str, int | None] | None:
    if record.usage is None:
        return None
    return {
        "prompt_tokens": record.usage.prompt_tokens,
        "completion_tokens": record.usage.completion_tokens,
    }
