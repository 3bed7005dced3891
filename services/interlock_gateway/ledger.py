"""What an attempt teaches: the audit entry, the local breaker, the fact for the log, the counters.

One place, so that each attempt is accounted exactly once however it ended. Caller faults, aborted and
overtaken attempts teach nothing about the target and stay in the request record alone; so do failures of a
model that no configuration declares and that has never answered, and attempts on a path that is no
evidence (`Surface.evidence`).
"""

from typing import Final

from interlock_domain.attempt.record import AttemptRecord
from interlock_domain.events import AttemptFailed, AttemptSucceeded
from interlock_domain.health.classes import judged_on
from interlock_domain.health.local import LocalFailure
from interlock_domain.routing.decision import Candidate
from interlock_domain.snapshot.snapshot import CompiledMember
from interlock_domain.words import ALL_SHAPES, FailureClass, Outcome
from interlock_gateway.attempt import Failed
from interlock_gateway.exchange import Exchange

_SILENT: Final = frozenset((FailureClass.CALLER_FAULT, FailureClass.CLIENT_ABORT))


class Attempt:
    """One running attempt; times in ms since the request began. `hedge`: it races another one."""

    __slots__ = (
        "_failed_before", "candidate", "ended", "headers", "hedge", "member", "number", "redirect",
        "span", "started", "target", "try_no", "x",
    )  # fmt: skip

    def __init__(
        self, x: Exchange, candidate: Candidate, member: CompiledMember, try_no: int, *, hedge: bool = False
    ) -> None:
        self.x = x
        self.candidate = candidate
        self.member = member
        self.target = target = member.target
        self.try_no = try_no
        self.hedge = hedge
        self.ended = False
        self._failed_before = False
        self.headers: tuple[str, ...] = ()
        self.number = len(x.attempts) + len(x.running) + 1
        self.started = x.since_start_ms()
        asked = x.request.model if x.request else ""
        self.redirect = target.upstream_model if target.upstream_model != asked else None
        x.running += (self,)
        self.span = None if x.span is None else x.span.attempt(self)
        breakers = x.gw.local.breakers
        # One own request an interval may pass an open breaker: this is it, if it can tell anything.
        if breakers.any_open and x.surface.evidence:
            breakers.take_probe(target.id, _shape(x), x.gw.monotonic() * 1000)

    def succeeded(self, first_content: float | None) -> None:
        """The client has the whole answer."""
        x = self.x
        gw = x.gw
        ttft = None if first_content is None else int((first_content - x.started) * 1000) - self.started
        entry = self._entry(Outcome.SUCCEEDED, ttft_ms=ttft)
        if not x.surface.evidence:
            return
        if (
            self.member.row is None
            and self.target.id not in gw.local.suspects
            and not self.candidate.probe
            and self.target.target is not None
        ):
            self._count(entry)
        else:
            self._tell(entry)

    def _count(self, entry: AttemptRecord) -> None:
        gw = self.x.gw
        gw.tally.succeeded(
            self.target.id,
            _shape(self.x),
            ttft_ms=entry.ttft_ms,
            duration_ms=entry.ended_ms - entry.started_ms,
            now_ms=gw.monotonic() * 1000,
        )

    def _tell(self, entry: AttemptRecord) -> None:
        """A success of a target that is in doubt, or whose return somebody waits for."""
        x = self.x
        gw, shape = x.gw, _shape(x)
        clean = self.member.row is None and not self.candidate.probe and gw.local.clean(self.target.id, shape)
        if self.target.target is None:
            gw.local.prove(self.target.id)
        now_ms = gw.monotonic() * 1000
        gw.local.succeeded(self.target.id, shape, now_ms)
        if clean:
            self._count(entry)
            return
        gw.ring.put(
            AttemptSucceeded(
                request=x.request_id,
                attempt=entry.number,
                pool=x.pool,
                target=self.target.id,
                shape=shape,
                ttft_ms=entry.ttft_ms,
                duration_ms=entry.ended_ms - entry.started_ms,
                try_=self.try_no,
                probe=self.candidate.probe,
            ),
            now_ms,
            None if self.span is None else self.span.traceparent,
        )
        gw.outcomes.wake()

    def failed(self, failed: Failed, first_content: float | None = None) -> bool:
        """The attempt failed; returns whether the attempt before it on (target, shape) had failed too.

        Told again, it says the same again: an attempt of a race is accounted when it fails, not when the race
        is over.
        """
        x = self.x
        if self.ended:
            return self._failed_before
        if failed.failure is FailureClass.TIMEOUT and first_content is None and x.timed_out():
            failed.ours = True  # the request's time ran out, not the target's
        gw, shape = x.gw, _shape(x)
        ttft = None if first_content is None else int((first_content - x.started) * 1000) - self.started
        entry = self._entry(Outcome.FAILED, failed=failed, ttft_ms=ttft)
        gw.counters.attempt_failed(self.target.id if self.target.target else "other", failed.failure)
        self._failed_before = failed_before = gw.local.failed_last(self.target.id, shape)
        if failed.ours or failed.failure in _SILENT or not x.surface.evidence:
            return failed_before
        if self.target.target is None and not gw.local.proven(self.target.id):
            return failed_before
        now_ms = gw.monotonic() * 1000
        self._learn(failed, entry, now_ms)
        of_all = judged_on(failed.failure, failed.phase, shape) == ALL_SHAPES
        gw.ring.put(
            AttemptFailed(
                request=x.request_id,
                attempt=entry.number,
                pool=x.pool,
                target=self.target.id,
                shape=shape,
                failure=failed.failure,
                phase=failed.phase,
                status=failed.status,
                retry_after_ms=failed.retry_after_ms,
                elapsed_ms=entry.ended_ms - entry.started_ms,
                try_=self.try_no,
                ok_before=gw.tally.take(self.target.id, None if of_all else shape),
                probe=self.candidate.probe,
            ),
            now_ms,
            None if self.span is None else self.span.traceparent,
        )
        gw.outcomes.wake()
        return failed_before

    def aborted(self, detail: str | None = None) -> None:
        """The client left, the gateway stops, or the answer did not fit: the target teaches nothing."""
        self._entry(Outcome.ABORTED, detail=detail)

    def lost(self) -> None:
        """Another attempt had content first: nothing is learnt about the target."""
        self._entry(Outcome.LOST)

    def _learn(self, failed: Failed, entry: AttemptRecord, now_ms: float) -> None:
        gw = self.x.gw
        gw.tally.teach(gw.local.breakers, self.target.id)
        local = LocalFailure(
            target=self.target.id,
            shape=_shape(self.x),
            failure=failed.failure,
            phase=failed.phase,
            retry_after_ms=failed.retry_after_ms,
            try_=self.try_no,
            status=failed.status,
            elapsed_ms=entry.ended_ms - entry.started_ms,
        )
        gw.local.failed(local, self.target.policy, now_ms)

    def _entry(
        self,
        outcome: Outcome,
        *,
        failed: Failed | None = None,
        ttft_ms: int | None = None,
        detail: str | None = None,
    ) -> AttemptRecord:
        x = self.x
        entry = (
            self._plain_entry(outcome, ttft_ms, detail)
            if failed is None
            else self._failed_entry(failed, ttft_ms)
        )
        self.ended = True
        x.running = tuple(one for one in x.running if one is not self) if len(x.running) > 1 else ()
        x.attempts.append(entry)
        if self.span is not None:
            self.span.ended(self, entry)
        return entry

    # Two ways, because more than 15 keywords take CPython's slow call, and most attempts did not fail.

    def _plain_entry(self, outcome: Outcome, ttft_ms: int | None, detail: str | None) -> AttemptRecord:
        return AttemptRecord(
            number=self.number,
            target=self.target.id,
            outcome=outcome,
            started_ms=self.started,
            ended_ms=self.x.since_start_ms(),
            try_=self.try_no,
            probe=self.candidate.probe,
            ttft_ms=ttft_ms,
            redirect=self.redirect,
            detail=detail,
            hedge=self.hedge,
            headers=self.headers,
        )

    def _failed_entry(self, failed: Failed, ttft_ms: int | None) -> AttemptRecord:
        return AttemptRecord(
            number=self.number,
            target=self.target.id,
            outcome=Outcome.FAILED,
            started_ms=self.started,
            ended_ms=self.x.since_start_ms(),
            try_=self.try_no,
            probe=self.candidate.probe,
            failure=failed.failure,
            phase=failed.phase,
            status=failed.status,
            retry_after_ms=failed.retry_after_ms,
            ttft_ms=ttft_ms,
            redirect=self.redirect,
            detail=failed.detail,
            hedge=self.hedge,
            headers=self.headers,
        )


def _shape(x: Exchange) -> str:
    # A Shape is a string; its `.value` would cost more than the rest of this line.
    return x.request.traits.shape if x.request else ""
