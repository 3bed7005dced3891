"""A stream that broke after content, continued from another target, or told to the client as broken.

Rule (requirements C2): the client sees one answer, or the failure that broke it; never the failure of what
should have continued it, and never a place where two answers meet. Nothing of the new answer goes out before
it has said all that was shown; comments go on meanwhile. Its usage is passed on as that target counted: for
`verify_prefix` a whole answer, for `prefill` what was shown as part of the prompt. What the broken answer
cost is known to nobody, since usage comes last. Asking the same target again was dropped: it has just failed.
"""

from collections.abc import Iterable

from interlock_domain.attempt.budget import RetryBudget
from interlock_domain.attempt.plan import FailedTry, Stop, Walk
from interlock_domain.attempt.record import Skip
from interlock_domain.attempt.resume import resume_step
from interlock_domain.routing.decision import Candidate, Decision
from interlock_domain.snapshot.snapshot import CompiledPool
from interlock_domain.words import Outcome, Phase, Result, SkipReason
from interlock_gateway.answers import send_piece
from interlock_gateway.attempt import Failed, Opened, usage_of
from interlock_gateway.exchange import Exchange
from interlock_gateway.launch import member_of, request_of, stream_limits
from interlock_gateway.ledger import Attempt
from interlock_gateway.stream import (
    FORWARDED,
    LAST_WORDS_S,
    cut_off,
    drain,
    failed_by,
    open_stream,
    tell_broken,
)
from interlock_protocols.continuing.continuation import Continuation
from interlock_protocols.continuing.joiner import Mismatch, Path
from interlock_protocols.continuing.prefill import NoPrefill, Prefill
from interlock_protocols.streams.verdict import End
from interlock_upstream.errors import UpstreamFailed


async def after_break(x: Exchange, pool: CompiledPool, decision: Decision, failed: Failed) -> None:
    """Give the client the rest from elsewhere where its pool asks for that, or the in-band error."""
    if pool.policy.streams.on_break != "error":
        whole = await _Resume(x, pool, decision).run(failed)
        x.gw.counters.resumed(x.label(), whole=whole)
        if whole:
            return
    await tell_broken(x, failed)
    x.reason = failed.failure.value
    x.result = Result.BROKEN


class _Resume:
    """The way from one target to the next until the client has the rest, or nobody is left."""

    def __init__(self, x: Exchange, pool: CompiledPool, decision: Decision) -> None:
        self._x = x
        self._pool = pool
        # The loser of a race was well, and may still be asked.
        tried = {attempt.target for attempt in x.attempts if attempt.outcome is not Outcome.LOST}
        rest = [candidate for candidate in decision.ranked() if candidate.target not in tried]
        if pool.policy.streams.on_break == "prefill":
            unfit = [candidate for candidate in rest if not self._accepts_prefill(candidate)]
            self._skip(unfit, SkipReason.NOT_RESUMABLE)
            rest = [candidate for candidate in rest if candidate not in unfit]
        self._rest = rest
        # The limit for the first token was kept; from here on that of the whole request counts.
        x.deadline = x.started + pool.policy.attempts.deadline_ms / 1000

    async def run(self, failed: Failed) -> bool:
        """Whether the client got the whole answer."""
        while True:
            shown = self._x.shown
            texts = None if shown is None else shown.texts()
            if texts is None:
                self._skip(self._rest, SkipReason.NOT_RESUMABLE)
                return False
            candidate = self._next(failed)
            if candidate is None:
                return False
            ended = await self._attempt(candidate, texts)
            if not isinstance(ended, Failed):
                return ended
            failed = ended

    def _next(self, failed: Failed) -> Candidate | None:
        """The next target, if the retry budget can pay for it; None: there is none."""
        x, policy = self._x, self._pool.policy
        now = x.gw.monotonic()
        walked = Walk(
            seed=0,
            targets_tried=len({attempt.target for attempt in x.attempts}),
            candidates_left=len(self._rest),
            time_left_ms=int((x.deadline - now) * 1000),
            budget=self._budget(now).left(int(now * 1000)) >= 1.0,
        )
        step = resume_step(policy, FailedTry(failure=failed.failure, status=failed.status), walked)
        if isinstance(step, Stop):
            self._skip(self._rest, step.reason)
            return None
        return self._rest.pop(0)

    async def _attempt(self, candidate: Candidate, texts: dict[Path, str]) -> Failed | bool:
        """One target; True: the client has the rest, False: nobody can have it."""
        x, policy = self._x, self._pool.policy
        member = member_of(self._pool, candidate.target)
        body = x.body_for(member.target.upstream_model)
        if policy.streams.on_break == "prefill":
            made = self._prefill(body, texts)
            if isinstance(made, NoPrefill):
                self._skip([candidate, *self._rest], SkipReason.NOT_RESUMABLE)
                return False
            body, texts = made.body, made.texts
        now = x.gw.monotonic()
        self._budget(now).draw(int(now * 1000))
        x.gw.counters.failed_over(self._pool.name)
        attempt = Attempt(x, candidate, member, 1)
        request = request_of(x, attempt, body)
        if isinstance(request, Failed):
            return _noted(attempt, request)
        limits = stream_limits(x, policy, candidate, member.target.upstream_model)
        opened = await open_stream(x, attempt, request, limits)
        if isinstance(opened, Failed):
            return _noted(attempt, opened)
        assert x.shown is not None
        ended = await _Rest(x, opened, Continuation(x.shown.joiner, texts)).carry()
        if isinstance(ended, Failed):
            return _noted(attempt, ended, opened.first_content)
        if isinstance(ended, Mismatch):
            attempt.aborted(ended.value)
            return False
        x.usage = usage_of(opened.scanner.usage)
        attempt.succeeded(opened.first_content)
        return True

    def _budget(self, now: float) -> RetryBudget:
        x = self._x
        return x.gw.local.budget(x.pool, self._pool.policy.budgets, now)

    def _prefill(self, body: bytes, texts: dict[Path, str]) -> Prefill | NoPrefill:
        make, shown = self._x.surface.prefill, self._x.shown
        return NoPrefill.FORM if make is None or shown is None else make(body, texts, shown.tokens)

    def _accepts_prefill(self, candidate: Candidate) -> bool:
        declared = member_of(self._pool, candidate.target).target.target
        return declared is not None and declared.accepts_prefill

    def _skip(self, candidates: Iterable[Candidate], reason: SkipReason | None) -> None:
        if reason is not None:
            self._x.skips += tuple(Skip(target=each.target, reason=reason) for each in candidates)


def _noted(attempt: Attempt, failed: Failed, first_content: float | None = None) -> Failed:
    attempt.failed(failed, first_content)
    return failed


class _Rest:
    """One stream that opened, carried to the client from where the broken one ended."""

    def __init__(self, x: Exchange, opened: Opened, going_on: Continuation) -> None:
        self._x = x
        self._response = opened.response
        self._scanner = opened.scanner
        self._stall_s = opened.limits.policy.timeouts.stall_ms / 1000
        self._going_on = going_on

    async def carry(self) -> Failed | Mismatch | None:
        """None: the client has the whole answer."""
        response, scanner = self._response, self._scanner
        try:
            mismatch = await self._send(scanner.out)
            while mismatch is None and not scanner.finished:
                try:
                    chunk = await response.next(self._patience_s())
                except UpstreamFailed as failure:
                    if not scanner.complete:
                        return self._cut(failure)
                    chunk = None
                if chunk is None:
                    return await self._end()
                verdict = scanner.feed(chunk)
                mismatch = await self._send(scanner.out)
                if verdict not in FORWARDED:
                    return mismatch or failed_by(scanner, response, Phase.CONTENT)
            return mismatch or await self._finish()
        finally:
            response.release()

    def _cut(self, failure: UpstreamFailed) -> Failed:
        failed = cut_off(failure)
        failed.ours = not self._going_on.matched and self._x.timed_out()
        return failed

    def _patience_s(self) -> float:
        """How long the next chunk may take; until there is something new, the deadline counts too."""
        x = self._x
        if self._scanner.complete:
            return LAST_WORDS_S
        if self._going_on.matched:
            return self._stall_s
        return max(0.001, min(self._stall_s, x.deadline - x.gw.monotonic()))

    async def _send(self, piece: bytes) -> Mismatch | None:
        x = self._x
        out = self._going_on.feed(piece)
        if isinstance(out, Mismatch):
            return out
        if out:
            assert x.shown is not None
            x.shown.sent(out)
            await send_piece(x, out)
        return None

    async def _end(self) -> Failed | Mismatch | None:
        """The transfer is over."""
        scanner = self._scanner
        end = scanner.end()
        if end not in (End.COMPLETE, End.MISSING_DONE):
            return failed_by(scanner, self._response, Phase.CONTENT)
        mismatch = await self._send(scanner.out)
        return mismatch or await self._finish(scanner.last_event if end is End.MISSING_DONE else b"")

    async def _finish(self, last: bytes = b"") -> Mismatch | None:
        mismatch = self._going_on.end()
        if mismatch is None:
            await send_piece(self._x, last, last=True)
            self._x.result = Result.ANSWERED  # a client that leaves from here on has its answer
            await drain(self._x, self._response)
        return mismatch
