"""The walk along a plan: try the candidates in order until one answers, or say why none did.

The plan was decided once; the walk only follows it. What comes after each failure is a pure rule of
the domain (attempt/plan.py): the same target again after a wait, the next one at once, or stop. The
request's deadline is absolute, and no retry resets it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from interlock_domain.attempt.plan import FailedTry, MoveOn, RetrySame, Step, Stop, Walk, next_step
from interlock_domain.attempt.record import Skip
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.snapshot.snapshot import CompiledPool
from interlock_domain.words import Eligibility, Result, SkipReason
from interlock_gateway.answers import send_answer
from interlock_gateway.attempt import Answered, Broken, Failed, Opened, Relayed
from interlock_gateway.course import Course
from interlock_gateway.exchange import Exchange
from interlock_gateway.hedge import race
from interlock_gateway.launch import launch_stream, launch_whole, member_of
from interlock_gateway.ledger import Attempt
from interlock_gateway.refusals import refuse
from interlock_gateway.stream import carry


async def walk(x: Exchange, pool: CompiledPool, decision: Decision) -> Broken | None:
    """Answer the request from the plan; a Broken is a stream whose client has not been told yet."""
    ranked = decision.ranked()
    failures: list[Failed] = []
    course = Course(x, pool, decision, failures, ranked[0], ranked[1:]) if ranked else None
    while course is not None:
        stopped = await _try_target(course)
        if stopped is None or isinstance(stopped, Broken):
            return stopped
        if isinstance(stopped, Stop):
            # Of the last one, a retry was not made.
            _skip_rest(x, course.rest() or (course.candidate,), stopped.reason)
            break
        if not course.go_on():
            break
        x.gw.counters.failed_over(pool.name)
    await refuse(x, pool, decision, failures)
    return None


def _skip_rest(x: Exchange, rest: tuple[Candidate, ...], reason: SkipReason | None) -> None:
    if reason is not None:
        x.skips += tuple(Skip(target=candidate.target, reason=reason) for candidate in rest)


async def _try_target(course: Course) -> MoveOn | Stop | Broken | None:
    """Attempts at one target; None: the client has been answered."""
    x, candidate = course.x, course.candidate
    member = member_of(course.pool, candidate.target)
    try_no = 1
    while True:
        attempt = Attempt(x, candidate, member, try_no)
        opening = _opening(course, attempt)
        came = opening if isinstance(opening, Failed) else await opening
        ended = await carry(x, came) if isinstance(came, Opened) else came
        if isinstance(came, Opened):
            attempt = came.attempt  # of a race, the one that won
        if isinstance(ended, Broken):
            attempt.failed(ended.failed, ended.first_content)
            return ended
        if not isinstance(ended, Failed):
            _finish(x, attempt, ended)
            if isinstance(ended, Answered):
                await send_answer(x, ended.status, ended.headers, ended.body)
            return None
        failed_before = attempt.failed(ended)
        course.failures.append(ended)
        tried = FailedTry(
            failure=ended.failure,
            status=ended.status,
            retry_after_ms=ended.retry_after_ms,
            try_=try_no,
            failed_before=failed_before,
            content_policy=ended.content_policy,
            room_elsewhere=course.learn(ended),
        )
        step = _after(course, tried)
        if not isinstance(step, RetrySame):
            return step
        try_no += 1
        await asyncio.sleep(step.wait_ms / 1000)


def _opening(
    course: Course, attempt: Attempt
) -> Coroutine[Any, Any, Answered | Failed] | Coroutine[Any, Any, Opened | Failed] | Failed:
    """The call, ready to be awaited; where the pool hedges, with its race."""
    x, policy = course.x, course.pool.policy
    if x.request is None or not x.request.stream:
        return launch_whole(x, attempt, policy)
    opening = launch_stream(x, attempt, policy)
    if policy.hedge.enabled and not isinstance(opening, Failed):
        return race(course, attempt, opening)
    return opening


def _after(course: Course, tried: FailedTry) -> Step:
    """The domain's next step, paid for from the pool's retry budget."""
    x, policy, rest = course.x, course.pool.policy, course.rest()
    assert x.inputs is not None
    now = x.gw.monotonic()
    budget = x.gw.local.budget(x.pool, policy.budgets, now)
    walked = Walk(
        seed=x.inputs.seed,
        targets_tried=course.tried(),
        candidates_left=len(rest),
        time_left_ms=int((x.deadline - now) * 1000),
        budget=budget.left(int(now * 1000)) >= 1.0,
        next_well=bool(rest) and _is_well(x, rest[0]),
    )
    step = next_step(policy, course.candidate, tried, walked)
    if isinstance(step, RetrySame) or (isinstance(step, MoveOn) and step.draws):
        budget.draw(int(now * 1000))
    return step


def _is_well(x: Exchange, candidate: Candidate) -> bool:
    """Nothing speaks against it, in the plan or in what this worker saw since."""
    if candidate.state is not Eligibility.ELIGIBLE or x.request is None:
        return False
    return x.gw.local.is_well(candidate.target, x.request.traits.shape, x.gw.monotonic() * 1000)


def _finish(x: Exchange, attempt: Attempt, ended: Answered | Relayed) -> None:
    x.usage = ended.usage
    attempt.succeeded(None if isinstance(ended, Answered) else ended.first_content)
    x.result = Result.ANSWERED
