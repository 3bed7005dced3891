"""How one attempt opened and ended, as values, and how transport failures become failure classes."""

from typing import TYPE_CHECKING

from msgspec import Struct

from interlock_domain.attempt.record import Usage
from interlock_domain.words import FailureClass, Phase
from interlock_protocols.failures.classify import classify_failure
from interlock_protocols.failures.failed_answer import FailedAnswer, Fault
from interlock_upstream.errors import FailureKind, UpstreamFailed
from interlock_upstream.errors import Phase as WirePhase

if TYPE_CHECKING:
    from interlock_domain.catalog.policy import PoolPolicy
    from interlock_gateway.ledger import Attempt
    from interlock_protocols.streams.scanner import EventScanner
    from interlock_upstream.port import UpstreamResponse
    from interlock_upstream.request import PhaseLimits

Headers = list[tuple[bytes, bytes]]


class Limits(Struct, frozen=True):
    """What this attempt may take: phases before the head, then the first content (monotonic s)."""

    phases: "PhaseLimits"
    first_content_at: float
    policy: "PoolPolicy"
    model: str
    """The model name that is sent upstream."""


class Answered(Struct):
    """A whole answer that may go to the client as it is."""

    status: int
    headers: Headers
    body: bytes
    usage: Usage | None


class Opened(Struct):
    """A stream whose first content is there and has not gone out; its response is still to be released."""

    attempt: "Attempt"
    response: "UpstreamResponse"
    scanner: "EventScanner"
    """`scanner.out` is what goes out first."""
    limits: Limits
    first_content: float
    """Monotonic seconds."""


class Relayed(Struct):
    """A stream that the client got to its end."""

    usage: Usage | None
    first_content: float


class Failed(Struct, kw_only=True):
    """Nothing reached the client, so another attempt may follow.

    `headers` and `body` are the upstream's own answer when there was one. `ours` True: the cause is
    in this gateway (no credential, no free connection) and says nothing about the target.
    """

    failure: FailureClass
    phase: Phase
    status: int | None = None
    retry_after_ms: int | None = None
    headers: Headers | None = None
    body: bytes | None = None
    detail: str | None = None
    ours: bool = False
    content_policy: bool = False
    context_length: bool = False
    """The prompt was too long for this target."""
    told: FailedAnswer | None = None
    """The error that the upstream itself reported inside a stream."""


class Broken(Struct):
    """The stream failed after content had gone out; the client waits for the rest."""

    failed: Failed
    first_content: float


_PHASES = {WirePhase.CONNECT: Phase.CONNECT, WirePhase.HEADERS: Phase.HEADERS, WirePhase.BODY: Phase.PREAMBLE}


def transport_failed(failure: UpstreamFailed, *, committed: bool = False) -> Failed:
    """An attempt that no HTTP answer ended: classified from kind and phase, never from text."""
    phase = Phase.CONTENT if committed else _PHASES[failure.phase]
    return Failed(
        failure=classify_failure(failure.kind, phase),
        phase=phase,
        detail=str(failure),
        ours=failure.kind is FailureKind.POOL_EXHAUSTED,
    )


def answer_failed(answer: FailedAnswer, headers: Headers, phase: Phase) -> Failed:
    """An attempt that an HTTP answer or an in-band error ended."""
    return Failed(
        failure=answer.failure,
        phase=phase,
        status=answer.status,
        retry_after_ms=answer.retry_after_ms,
        headers=headers,
        body=answer.body,
        content_policy=answer.fault is Fault.CONTENT_POLICY,
        context_length=answer.fault is Fault.CONTEXT_LENGTH,
        detail=(answer.code or answer.message)[:200] or None,
    )


def usage_of(tokens: tuple[int | None, int | None] | None) -> Usage | None:
    """Token numbers (prompt, completion) as the record keeps them."""
    return None if tokens is None else Usage(prompt_tokens=tokens[0], completion_tokens=tokens[1])
