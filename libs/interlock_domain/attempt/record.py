"""The request record: the one terminal account of a request, with every input of its decision.

Records stand outside the log and the fold; they point into it by snapshot version, and a proof
recomputes their plan from the log. Times are milliseconds since `started_ms` unless said.
"""

from collections.abc import Sequence

from msgspec import Struct

from interlock_domain.routing.decision import Decision, RouteInputs
from interlock_domain.words import FailureClass, Outcome, Phase, Result, SkipReason


class AttemptRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of one target; attempts are numbered from 1 as they began.

    `redirect` is the model name sent upstream; None: the name that the client said. `headers` are the names,
    never the values, of what went upstream otherwise than the client sent it: put in, replaced or left out;
    what each connection has of its own (host, lengths) is not among them.
    """

    number: int
    target: str
    outcome: Outcome
    started_ms: int
    ended_ms: int
    try_: int = 1
    probe: bool = False
    failure: FailureClass | None = None
    phase: Phase | None = None
    status: int | None = None
    retry_after_ms: int | None = None
    ttft_ms: int | None = None
    redirect: str | None = None
    detail: str | None = None
    hedge: bool = False
    """It began beside an attempt that had no content yet."""
    headers: tuple[str, ...] = ()


def in_order(attempts: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """As they began; a record holds them as they ended."""
    return sorted(attempts, key=lambda attempt: attempt.number)


def lost(attempts: Sequence[AttemptRecord]) -> tuple[AttemptRecord, ...]:
    """The attempts that another one of the same request overtook."""
    return tuple(attempt for attempt in attempts if attempt.outcome is Outcome.LOST)


def path(attempts: Sequence[AttemptRecord]) -> tuple[str, ...]:
    """The targets that a request went along, each once: what only ran beside one of them is left out.

    That is whoever lost a race, and a hedge that failed while what it ran beside went on.
    """
    went = [a for a in attempts[:-1] if not (a.hedge and a.outcome is Outcome.FAILED)]
    kept = (a.target for a in (*went, *attempts[-1:]) if a.outcome is not Outcome.LOST)
    return tuple(dict.fromkeys(kept))


def failovers(attempts: Sequence[AttemptRecord]) -> int:
    """How often a failure moved the request to another target; a race that was won is no such move."""
    return max(0, len(path(attempts)) - 1)


class Skip(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A candidate or retry that was not made, and why."""

    target: str
    reason: SkipReason


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token numbers as the upstream reported them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class RequestRecord(Struct, frozen=True, omit_defaults=True):
    """Exactly one per request. `started_ms` is wall clock of the gateway, for people only."""

    request_id: str
    gateway: str
    boot: str
    seq: int
    started_ms: int
    duration_ms: int
    pool: str
    inputs: RouteInputs
    snapshot: str
    engine: str
    decision: Decision | None
    """None when the model was unknown."""
    result: Result
    worker: int = 0
    attempts: tuple[AttemptRecord, ...] = ()
    """As they ended: the last one decided the answer. Their numbers say how they began."""
    skips: tuple[Skip, ...] = ()
    status: int | None = None
    """HTTP status the client saw; None when the client left before the head."""
    reason: str | None = None
    ttfc_ms: int | None = None
    """Time to first content seen by the client (streams)."""
    usage: Usage | None = None
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def target(self) -> str | None:
        """The target whose answer the client got, or the last one tried."""
        return self.attempts[-1].target if self.attempts else None
