"""When nobody answered: the upstream's own words where they are the truth, else ours.

A non-retriable upstream answer reaches the client with its own status and body, and so does the last
answer to a request for one exact target. Everything else is a refusal of the gateway that names how
many attempts were made and why (requirements B3).
"""

from typing import Final

from interlock_domain.attempt.outcome import RETRY_AFTER_CAP_S
from interlock_domain.attempt.outcome import refuse as refusal_of
from interlock_domain.routing.decision import Decision
from interlock_domain.snapshot.snapshot import CompiledPool
from interlock_domain.words import FailureClass, Result, Shape
from interlock_gateway.answers import send_answer, send_refusal
from interlock_gateway.attempt import Failed, Headers
from interlock_gateway.early_head import tell_refused
from interlock_gateway.exchange import Exchange

_WAITS: Final = (b"retry-after-ms", b"retry-after")
_RESULTS = {429: Result.EXHAUSTED, 502: Result.EXHAUSTED, 503: Result.NO_TARGET, 504: Result.DEADLINE}


async def refuse(x: Exchange, pool: CompiledPool, decision: Decision, failures: list[Failed]) -> None:
    """Tell the client that the request has no answer."""
    last = failures[-1] if failures else None
    if last is not None and _speaks_for_itself(x, pool, last):
        assert last.status is not None
        assert last.body is not None
        x.result = Result.UPSTREAM_REFUSED
        x.reason = last.failure.value
        if x.early is not None and await x.early.over():
            await tell_refused(x, last.status, last.body)
            return
        await send_answer(x, last.status, _advice(last), last.body)
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


def _advice(last: Failed) -> Headers:
    """The upstream's headers, with what they say of another try in a form that every client obeys.

    Some generations of the clients sleep as long as they are told, others ignore a long wait and ask at once
    (protocols 1.6), so a wait has the cap of our own refusals; what the upstream said stands beside it. A
    failure of the target's own has been tried again here, as often as the policy allows; only a wait that the
    upstream stated is left to the client, because nobody here has slept through it.
    """
    headers = last.headers or []
    if last.retry_after_ms is not None and last.retry_after_ms > RETRY_AFTER_CAP_S * 1000:
        headers = [(b"x-upstream-" + name if name in _WAITS else name, value) for name, value in headers]
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_CAP_S))
    if last.failure is not FailureClass.CALLER_FAULT and last.retry_after_ms is None:
        headers = [pair for pair in headers if pair[0] != b"x-should-retry"]
        headers.append((b"x-should-retry", b"false"))
    return headers


def _speaks_for_itself(x: Exchange, pool: CompiledPool, last: Failed) -> bool:
    if last.status is None or last.body is None or not 300 <= last.status < 600:
        return False
    exact = x.request is not None and "/" in pool.name
    return exact or last.failure is FailureClass.CALLER_FAULT
