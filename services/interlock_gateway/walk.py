"""The walk along a plan: try the candidates in order until one answers, or say why none did.

The plan was decided once; the walk only follows it. What comes after each failure is a pure rule of
the domain (attempt/plan.py): the same target again after a wait, the next one at once, or stop. The
request's deadline is absolute, and no retry resets it.
"""

import asyncio
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, Final

from interlock_domain.attempt.plan import FailedTry, MoveOn, RetrySame, Step, Stop, Walk, next_step
from interlock_domain.attempt.record import Skip
from interlock_domain.catalog.policy import PoolPolicy
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.snapshot.snapshot import CompiledMember, CompiledPool
from interlock_domain.words import Eligibility, FailureClass, Phase, Result, SkipReason
from interlock_gateway.answers import send_answer
from interlock_gateway.attempt import Answered, Broken, Ended, Failed, Limits, Relayed
from interlock_gateway.exchange import Exchange
from interlock_gateway.ledger import Attempt
from interlock_gateway.refusals import refuse
from interlock_gateway.stream import relay
from interlock_gateway.unary import fetch
from interlock_upstream.errors import InvalidValue
from interlock_upstream.request import PhaseLimits

PROBE_CONNECT_S: Final = 2.0
PROBE_FIRST_TOKEN_S: Final = 30.0
"""Limits of a probe (requirements D5): a client waits for it, so it may not take a full patience."""


async def walk(x: Exchange, pool: CompiledPool, decision: Decision) -> None:
    """Answer the request from the plan."""
    failures: list[Failed] = []
    for index, candidate in enumerate(decision.candidates):
        if candidate.rank is None:
            break  # the ranked ones stand first
        if index:
            x.gw.counters.failed_over(pool.name)
        stopped = await _try_target(x, pool, decision, index, failures)
        if stopped is None:
            return
        if isinstance(stopped, Stop):
            rest = decision.ranked()[index + 1 :]
            _skip_rest(x, rest or (candidate,), stopped.reason)  # of the last one, a retry
            break
    await refuse(x, pool, decision, failures)


def _skip_rest(x: Exchange, rest: tuple[Candidate, ...], reason: SkipReason | None) -> None:
    if reason is not None:
        x.skips += tuple(Skip(target=candidate.target, reason=reason) for candidate in rest)


async def _try_target(
    x: Exchange, pool: CompiledPool, decision: Decision, index: int, failures: list[Failed]
) -> MoveOn | Stop | None:
    """Attempts at one target; None: the client has been answered (or told that a stream broke)."""
    candidate = decision.candidates[index]
    member = _member(pool, candidate.target)
    try_no = 1
    while True:
        attempt = Attempt(x, candidate, member, try_no)
        called = _call(x, member, candidate, pool.policy)
        ended = called if isinstance(called, Failed) else await called
        if not isinstance(ended, Failed):
            await _finish(x, attempt, ended)
            return None
        if ended.failure is FailureClass.TIMEOUT and x.timed_out():
            ended.ours = True  # the request's time ran out, not the target's
        failed_before = attempt.failed(ended)
        failures.append(ended)
        tried = FailedTry(
            failure=ended.failure,
            status=ended.status,
            retry_after_ms=ended.retry_after_ms,
            try_=try_no,
            failed_before=failed_before,
            content_policy=ended.content_policy,
        )
        step = _after(x, pool.policy, decision, index, tried)
        if not isinstance(step, RetrySame):
            return step
        try_no += 1
        await asyncio.sleep(step.wait_ms / 1000)


def _after(x: Exchange, policy: PoolPolicy, decision: Decision, index: int, tried: FailedTry) -> Step:
    """The domain's next step, paid for from the pool's retry budget."""
    assert x.inputs is not None
    rest = decision.ranked()[index + 1 :]
    now = x.gw.monotonic()
    budget = x.gw.local.budget(x.pool, policy.budgets, now)
    walked = Walk(
        seed=x.inputs.seed,
        targets_tried=index + 1,
        candidates_left=len(rest),
        time_left_ms=int((x.deadline - now) * 1000),
        budget=budget.left(int(now * 1000)) >= 1.0,
        next_well=bool(rest) and _is_well(x, rest[0]),
    )
    step = next_step(policy, decision.candidates[index], tried, walked)
    if isinstance(step, RetrySame) or (isinstance(step, MoveOn) and step.draws):
        budget.draw(int(now * 1000))
    return step


def _is_well(x: Exchange, candidate: Candidate) -> bool:
    """Nothing speaks against it, in the plan or in what this worker saw since."""
    if candidate.state is not Eligibility.ELIGIBLE or x.request is None:
        return False
    return x.gw.local.is_well(candidate.target, x.request.traits.shape, x.gw.monotonic() * 1000)


def _call(
    x: Exchange, member: CompiledMember, candidate: Candidate, policy: PoolPolicy
) -> Coroutine[Any, Any, Ended] | Failed:
    """The attempt, ready to be awaited: a plain function, because every frame is paid for at each wake-up."""
    call = x.gw.calls.of(member.target, x.surface.upstream_path)
    if call is None:
        return Failed(failure=FailureClass.AUTH, phase=Phase.CONNECT, detail="no_credential", ours=True)
    try:
        request = call.request(_headers(x), x.query, x.body_for(call.model))
    except InvalidValue as bad:
        return Failed(failure=FailureClass.CALLER_FAULT, phase=Phase.CONNECT, detail=str(bad), ours=True)
    assert x.request is not None
    limits_of, surface = (_stream_limits, relay) if x.request.stream else (_unary_limits, fetch)
    return surface(x, request, limits_of(x, policy, candidate, call.model))


def _headers(x: Exchange) -> list[tuple[bytes, bytes]]:
    """The client's headers; of a traced request, with the attempt as the upstream's parent."""
    span = x.running.span if x.span is not None and x.running is not None else None
    return x.headers if span is None else span.headers(x.headers)


_phases = lru_cache(maxsize=256)(PhaseLimits)  # the same few limits for every request of a policy


def _unary_limits(x: Exchange, policy: PoolPolicy, candidate: Candidate, model: str) -> Limits:
    left = x.deadline - x.gw.monotonic()
    connect = policy.timeouts.connect_ms / 1000
    if candidate.probe:
        connect = min(connect, PROBE_CONNECT_S)
    response = policy.timeouts.response_ms / 1000
    if left > response > connect:
        return Limits(_phases(connect, response), 0.0, policy, model)
    return Limits(PhaseLimits(min(connect, left), min(response, left)), 0.0, policy, model)


def _stream_limits(x: Exchange, policy: PoolPolicy, candidate: Candidate, model: str) -> Limits:
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


async def _finish(x: Exchange, attempt: Attempt, ended: Answered | Relayed | Broken) -> None:
    if isinstance(ended, Answered):
        x.usage = ended.usage
        attempt.succeeded(None)
        x.result = Result.ANSWERED
        await send_answer(x, ended.status, ended.headers, ended.body)
    elif isinstance(ended, Relayed):
        x.usage = ended.usage
        attempt.succeeded(ended.first_content)
        x.result = Result.ANSWERED
    else:
        attempt.failed(ended.failed, ended.first_content)
        x.reason = ended.failed.failure.value
        x.result = Result.BROKEN


def _member(pool: CompiledPool, target: str) -> CompiledMember:
    for member in pool.members:
        if member.target.id == target:
            return member
    raise LookupError(f"{target} is planned but no member of {pool.name}")
