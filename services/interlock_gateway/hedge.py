"""The race for the first content: a slow stream, and one more target beside it.

Rule (C7): the first attempt whose scanner commits has won, and that is decided in one step of the loop; the
other one is cancelled in the same step and its connection closed. The two share nothing but this object. A
hedge that failed is a failed attempt as ever; the walk goes on only when both have failed. The first attempt
runs in the request's own task, so a stream that is quick enough pays one timer and never a task; to end it
the request's task is cancelled and taken back, as asyncio's own timeouts do. Dropped: both attempts as tasks
under `asyncio.wait`, which every stream of the pool would pay for.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from interlock_domain.attempt.hedge import Idle, SlowStream, second_target
from interlock_domain.attempt.plan import FailedTry, may_go_on
from interlock_domain.routing.decision import Candidate
from interlock_domain.words import Eligibility, Unhedged
from interlock_gateway.attempt import Failed, Opened
from interlock_gateway.course import Course
from interlock_gateway.exchange import Exchange
from interlock_gateway.launch import launch_stream, member_of
from interlock_gateway.ledger import Attempt
from interlock_gateway.local import PoolHedges

_log = logging.getLogger(__name__)


async def race(
    course: Course, first: Attempt, opening: Coroutine[Any, Any, Opened | Failed]
) -> Opened | Failed:
    """The first content of the attempt or of its hedge; or the failure that decides what comes next.

    Both have failed then, or the failure is one that no target can mend; a failure beside it stands among
    `course.failures` already.
    """
    x = course.x
    delay_ms = _delay_ms(course, first)
    if delay_ms is None:
        came = await opening
    else:
        came = await _Race(course, first).run(opening, delay_ms / 1000)
    if (
        isinstance(came, Opened)
        and course.pool.policy.hedge.after_ms is None
        and len(course.pool.members) > 1
    ):
        took_ms = (came.first_content - x.started) * 1000 - came.attempt.started
        x.gw.local.first_contents(came.attempt.target.id, _shape(x)).add(took_ms)
    return came


def _delay_ms(course: Course, first: Attempt) -> float | None:
    """How long the attempt may be without content; None: it is not raced at all."""
    x = course.x
    if x.hedged is not None or not course.left:
        return None
    after_ms = course.pool.policy.hedge.after_ms
    if after_ms is not None:
        return after_ms
    p95 = x.gw.local.first_contents(first.target.id, _shape(x)).p95()
    if p95 is None:
        x.gw.counters.not_hedged(x.label(), Unhedged.FEW_SAMPLES)
    return p95


class _Race:
    """One attempt in the request's task, and perhaps a hedge in a task of its own."""

    __slots__ = ("_course", "_cut", "_failed", "_first", "_hedge", "_racing", "_task", "_won", "_x")

    def __init__(self, course: Course, first: Attempt) -> None:
        self._course = course
        self._x = course.x
        self._first = first
        self._task: asyncio.Task[None] | None = None
        self._hedge: Attempt | None = None
        self._won: Opened | None = None
        self._failed: Failed | None = None
        self._racing = True
        """The first attempt is still under way in the request's task."""
        self._cut = False
        """The request's task was cancelled from here."""

    async def run(self, opening: Coroutine[Any, Any, Opened | Failed], after_s: float) -> Opened | Failed:
        """See `race`."""
        timer = asyncio.get_running_loop().call_later(after_s, self._due)
        try:
            came = await opening
        except asyncio.CancelledError:
            if not self._is_ours():
                self._end_hedge()
                raise
            return self._overtaken()
        finally:
            self._racing = False
            timer.cancel()
        if self._task is None:
            return came
        if isinstance(came, Opened):
            self._hedge_lost()
            self._history().races.ended(self._now_ms(), won=False)
            return came
        if not may_go_on(self._course.pool.policy, _tried(came)):
            self._hedge_lost()
            if came.context_length:
                self._x.hedged = None  # its window may be the larger one, so the walk may call it in its turn
            return came
        self._first.failed(came)
        return await self._wait_for_hedge(came)

    def _is_ours(self) -> bool:
        """Whether nobody but the hedge ended the wait: a client that leaves counts for more."""
        task = self._x.task
        return self._cut and task is not None and task.uncancel() == 0

    def _overtaken(self) -> Opened:
        """The hedge had content first."""
        won = self._won
        assert won is not None
        first, x = self._first, self._x
        if self._course.pool.policy.hedge.after_ms is None:
            waited_ms = (x.gw.monotonic() - x.started) * 1000 - first.started
            x.gw.local.first_contents(first.target.id, _shape(x)).overtaken(waited_ms)
        first.lost()
        self._has_won()
        return won

    async def _wait_for_hedge(self, failed: Failed) -> Opened | Failed:
        """The first attempt has failed, and the other one is under way."""
        assert self._task is not None
        try:
            await self._task
        except asyncio.CancelledError:
            self._end_hedge()
            raise
        if self._won is not None:
            self._has_won()
            return self._won
        if self._failed is None or self._hedge is None:  # a bug ended it, and the log has it
            return failed
        if may_go_on(self._course.pool.policy, _tried(self._failed)):
            self._course.failures.append(self._failed)
            return failed
        self._course.failures.append(failed)
        hedge = self._hedge.number
        self._x.attempts.sort(key=lambda entry: entry.number == hedge)  # what decides stands last
        return self._failed

    def _due(self) -> None:
        """The time is over: ask the rules, and let the hedge go."""
        x, course = self._x, self._course
        rest = course.rest()
        chosen = second_target(course.pool.policy, self._slow(rest))
        if isinstance(chosen, Unhedged):
            x.gw.counters.not_hedged(x.label(), chosen)
            return
        self._history().budget.draw()
        x.hedged = chosen
        x.gw.counters.hedged(x.label())
        candidate = next(one for one in rest if one.target == chosen)
        self._task = asyncio.get_running_loop().create_task(self._run_hedge(candidate))

    async def _run_hedge(self, candidate: Candidate) -> None:
        """The second attempt up to its first content."""
        x, pool = self._x, self._course.pool
        hedge = self._hedge = Attempt(x, candidate, member_of(pool, candidate.target), 1, hedge=True)
        try:
            opening = launch_stream(x, hedge, pool.policy)
            came = opening if isinstance(opening, Failed) else await opening
        except Exception:  # noqa: BLE001  a bug must cost the hedge, not the stream beside it
            _log.exception("the hedge of request %s failed inside the gateway", x.request_id)
            hedge.aborted()
            return
        if isinstance(came, Failed):
            self._failed = came
            hedge.failed(came)
            self._history().races.ended(self._now_ms(), won=False)
            return
        self._won = came
        if self._racing and x.task is not None:
            self._cut = True
            x.task.cancel()

    def _hedge_lost(self) -> None:
        """The first attempt decides; what the hedge was doing is over."""
        if self._hedge is not None and not self._hedge.ended:
            self._hedge.lost()
        self._end_hedge()

    def _end_hedge(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._won is not None:
            self._won.response.release()

    def _has_won(self) -> None:
        self._history().races.ended(self._now_ms(), won=True)
        self._x.gw.counters.hedge_won(self._x.label())

    def _slow(self, rest: tuple[Candidate, ...]) -> SlowStream:
        history, now_ms = self._history(), self._now_ms()
        return SlowStream(
            called=self._idle(self._first.candidate),
            probe=self._first.candidate.probe,
            others=tuple(self._idle(candidate) for candidate in rest),
            targets_tried=self._course.tried(),
            losing=history.races.losing(now_ms),
            retries_half_spent=history.retries.half_spent(now_ms),
            budget=history.budget.left(*history.retries.counted(now_ms)) >= 1.0,
        )

    def _idle(self, candidate: Candidate) -> Idle:
        x = self._x
        target = member_of(self._course.pool, candidate.target).target.target
        well = x.gw.local.is_well(candidate.target, _shape(x), self._now_ms())
        return Idle(
            target=candidate.target,
            idle=candidate.state is Eligibility.ELIGIBLE and not candidate.probe and well,
            free=target is not None and target.tier == "free",
        )

    def _history(self) -> PoolHedges:
        pool = self._course.pool
        return self._x.gw.local.hedges(pool.name, pool.policy.budgets, self._x.gw.monotonic())

    def _now_ms(self) -> int:
        return int(self._x.gw.monotonic() * 1000)


def _tried(failed: Failed) -> FailedTry:
    return FailedTry(failure=failed.failure, status=failed.status, content_policy=failed.content_policy)


def _shape(x: Exchange) -> str:
    return x.request.traits.shape if x.request else ""
