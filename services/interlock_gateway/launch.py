"""How an attempt begins: its request, its limits, and the call, ready to be awaited.

Rule: whoever makes attempts (the walk, a hedge, what follows a break) begins them here, so that all have the
same limits and the same audit. Plain functions throughout: each frame of a coroutine would be paid for at
every wake-up of a stream.
"""

from collections.abc import Coroutine
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.routing.decision import Candidate
from interlock_domain.snapshot.snapshot import CompiledMember, CompiledPool
from interlock_domain.words import FailureClass, Phase
from interlock_gateway.attempt import Answered, Failed, Limits, Opened
from interlock_gateway.calls import TargetCall
from interlock_gateway.client_head import Forwarded
from interlock_gateway.exchange import Exchange
from interlock_gateway.ledger import Attempt
from interlock_gateway.stream import open_stream
from interlock_gateway.unary import fetch
from interlock_upstream.errors import InvalidValue
from interlock_upstream.request import PhaseLimits, UpstreamRequest

if TYPE_CHECKING:
    from interlock_gateway.tracing import AttemptSpan

PROBE_CONNECT_S: Final = 2.0
PROBE_FIRST_TOKEN_S: Final = 30.0
"""Limits of a probe (requirements D5): a client waits for it, so it may not take a full patience."""


def launch_stream(
    x: Exchange, attempt: Attempt, policy: PoolPolicy
) -> Coroutine[Any, Any, Opened | Failed] | Failed:
    """The call of a streamed attempt up to its first content."""
    request = request_of(x, attempt)
    if isinstance(request, Failed):
        return request
    limits = stream_limits(x, policy, attempt.candidate, attempt.target.upstream_model)
    return open_stream(x, attempt, request, limits)


def launch_whole(
    x: Exchange, attempt: Attempt, policy: PoolPolicy
) -> Coroutine[Any, Any, Answered | Failed] | Failed:
    """The call of an attempt at a whole answer."""
    request = request_of(x, attempt)
    if isinstance(request, Failed):
        return request
    return fetch(x, request, _whole_limits(x, policy, attempt.candidate, attempt.target.upstream_model))


def request_of(x: Exchange, attempt: Attempt, body: bytes | None = None) -> UpstreamRequest | Failed:
    """What goes upstream; `body` None: the client's own, with the target's model name."""
    call = x.gw.calls.of(attempt.target, x.surface.upstream_path)
    if call is None:
        return Failed(failure=FailureClass.AUTH, phase=Phase.CONNECT, detail="no_credential", ours=True)
    try:
        forwarded = x.head.forwarded(call) if attempt.span is None else _traced(x, attempt.span, call)
    except InvalidValue as bad:
        return Failed(failure=FailureClass.CALLER_FAULT, phase=Phase.CONNECT, detail=str(bad), ours=True)
    attempt.headers = forwarded.changed
    return call.request(forwarded.lines, x.query, x.body_for(call.model) if body is None else body)


def _traced(x: Exchange, span: "AttemptSpan", call: TargetCall) -> Forwarded:
    """The client's headers with those that name this attempt: no other one has the same."""
    headers = span.headers(x.head.headers)
    if headers is x.head.headers:
        return x.head.forwarded(call)
    forwarded = call.forwarded(headers)
    return Forwarded(forwarded.lines, forwarded.changed + span.changed)


_phases = lru_cache(maxsize=256)(PhaseLimits)  # the same few limits for every request of a policy


def _whole_limits(x: Exchange, policy: PoolPolicy, candidate: Candidate, model: str) -> Limits:
    left = x.deadline - x.gw.monotonic()
    timeouts = policy.timeouts
    connect = timeouts.connect_ms / 1000
    if candidate.probe:
        connect = min(connect, PROBE_CONNECT_S)
    response = timeouts.response_ms / 1000
    if left > response > connect:
        return Limits(_phases(connect, response), 0.0, policy, model)
    return Limits(PhaseLimits(min(connect, left), min(response, left)), 0.0, policy, model)


def stream_limits(x: Exchange, policy: PoolPolicy, candidate: Candidate, model: str) -> Limits:
    """What a streamed attempt that begins now may take until its first content."""
    now = x.gw.monotonic()
    connect = policy.timeouts.connect_ms / 1000
    first = policy.timeouts.first_token_ms / 1000
    if candidate.probe:
        connect, first = min(connect, PROBE_CONNECT_S), min(first, PROBE_FIRST_TOKEN_S)
    ends = min(now + first, x.deadline)
    if ends == now + first and connect < first:
        return Limits(_phases(connect, first), ends, policy, model)
    left = max(0.001, ends - now)
    return Limits(PhaseLimits(min(connect, left), left), ends, policy, model)


def member_of(pool: CompiledPool, target: str) -> CompiledMember:
    """The member that a planned target is; every planned one is a member."""
    for member in pool.members:
        if member.target.id == target:
            return member
    raise LookupError(f"{target} is planned but no member of {pool.name}")
