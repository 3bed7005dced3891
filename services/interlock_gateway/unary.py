"""One attempt at a whole answer: call, read, check, classify."""

from typing import Final

from interlock_domain.words import Phase
from interlock_gateway.attempt import Answered, Failed, Limits, answer_failed, transport_failed, usage_of
from interlock_gateway.exchange import Exchange
from interlock_protocols.failures.classify import classify_answer
from interlock_protocols.failures.failed_answer import FailedAnswer
from interlock_upstream.errors import UpstreamFailed
from interlock_upstream.port import UpstreamResponse
from interlock_upstream.request import UpstreamRequest

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of a whole answer that are buffered; larger ones fail as malformed (base64 images fit)."""
MAX_REFUSAL: Final = 16 * 1024 * 1024
"""Bytes of an error body that are read before it is passed on or classified: FastAPI's 422, and vLLM with it,
repeats the request it refuses, images and all, and is the caller's fault all the same."""


async def fetch(x: Exchange, request: UpstreamRequest, limits: Limits) -> Answered | Failed:
    """Call and read the whole answer within the limits."""
    gw = x.gw
    ends = gw.monotonic() + limits.phases.headers_s
    try:
        response = await gw.client.send(request, limits.phases)
    except UpstreamFailed as failure:
        return transport_failed(failure)
    try:
        left = max(0.001, ends - gw.monotonic())
        most = MAX_ANSWER if 200 <= response.status < 300 else MAX_REFUSAL
        body = await response.read(most, left, left)
    except UpstreamFailed as failure:
        return cut_refusal(x, response, limits) or transport_failed(failure)
    finally:
        response.release()
    if not 200 <= response.status < 300:
        return refused(x, response, body, limits)
    checked = x.surface.check(response.status, response.header(b"content-type"), body)
    if isinstance(checked, FailedAnswer):
        return inside_success(checked, response)
    if x.exposed is not None:
        body = x.exposed.whole(body, checked.model)
    return Answered(response.status, response.headers, body, usage_of(checked.usage))


def refused(x: Exchange, response: UpstreamResponse, body: bytes, limits: Limits) -> Failed:
    """An answer that is no 2xx, classified by table D1."""
    told = classify_answer(
        response.status,
        response.header,
        body,
        target_model=limits.model,
        now_s=x.gw.wall_ms() / 1000,
    )
    return answer_failed(told, response.headers, Phase.HEADERS)


def cut_refusal(x: Exchange, response: UpstreamResponse, limits: Limits) -> Failed | None:
    """A refusal whose body did not arrive, where status and headers say enough; None: they do not."""
    if response.status != 429 and response.status < 500:
        return None
    failed = refused(x, response, b"", limits)
    failed.body = None
    return failed


def inside_success(told: FailedAnswer, response: UpstreamResponse) -> Failed:
    """An error wrapped in HTTP 200: a failure, and no body that a client may see."""
    failed = answer_failed(told, response.headers, Phase.PREAMBLE)
    failed.status = response.status
    failed.body = None
    return failed
