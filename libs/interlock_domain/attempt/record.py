"""The request record: the one terminal account of a request, with every input of its decision.

Records stand outside the log and the fold; they point into it by snapshot version, and a proof
recomputes their plan from the log. Times are milliseconds since `started_ms` unless said.
"""

from msgspec import Struct

from interlock_domain.routing.decision import Decision, RouteInputs
from interlock_domain.words import FailureClass, Outcome, Phase, Result, SkipReason


class AttemptRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of one target. `redirect` is the model name sent upstream when it differs."""

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
