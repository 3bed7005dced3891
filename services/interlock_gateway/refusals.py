"""When nobody answered: the upstream's own words where they are the truth, else ours.

A non-retriable upstream answer reaches the client with its own status and body, and so does the last
answer to a request for one exact target. Everything else is a refusal of the gateway that names how
many attempts were made and why (requirements B3).
"""

from interlock_domain.attempt.outcome import refuse as refusal_of
from interlock_domain.routing.decision import Decision
from interlock_domain.snapshot.snapshot import CompiledPool
from interlock_domain.words import FailureClass, Result, Shape
from interlock_gateway.answers import send_answer, send_refusal
from interlock_gateway.attempt import Failed
from interlock_gateway.exchange import Exchange

_RESULTS = {429: Result.EXHAUSTED, 502: Result.EXHAUSTED, 503: Result.NO_TARGET, 504: Result.DEADLINE}


async def refuse(x: Exchange, pool: CompiledPool, decision: Decision, failures: list[Failed]) -> None:
    """Tell the client that the request has no answer."""
    last = failures[-1] if failures else None
    if last is not None and _speaks_for_itself(x, pool, last):
        assert last.status is not None
        assert last.body is not None
        x.result = Result.UPSTREAM_REFUSED
        x.reason = last.failure.value
        await send_answer(x, last.status, last.headers or [], last.body)
        return
    if last is not None and last.ours and last.failure is FailureClass.CALLER_FAULT:
        x.result = Result.UPSTREAM_REFUSED
        await send_refusal(x, 400, "invalid_header", f"this request cannot be forwarded: {last.detail}")
        return
    refusal = refusal_of(
        decision,
        x.attempts,
        x.gw.follow.as_of_ms(),
        shape=x.request.traits.shape if x.request else Shape.TEXT,
        timed_out=x.timed_out(),
    )
    x.result = _RESULTS[refusal.status] if failures else Result.NO_TARGET
    await send_refusal(
        x, refusal.status, refusal.code.value, refusal.message, retry_after_s=refusal.retry_after_s
    )


def _speaks_for_itself(x: Exchange, pool: CompiledPool, last: Failed) -> bool:
    if last.status is None or last.body is None or not 300 <= last.status < 600:
        return False
    exact = x.request is not None and "/" in pool.name
    return exact or last.failure is FailureClass.CALLER_FAULT
