"""One inference request of any client API: read, parse, decide, walk; and whatever ends it early."""

import asyncio
import logging
from typing import Final

from interlock_domain.catalog.policy import ServerLimits
from interlock_domain.routing.decision import UnknownModel
from interlock_domain.rows import CatalogRow
from interlock_domain.words import Result
from interlock_gateway.admission import KeyFault, Refused, refused_key
from interlock_gateway.answers import send_last_words, send_refusal
from interlock_gateway.asgi import Receive, Scope, Send
from interlock_gateway.body import BodyRefused, read_body
from interlock_gateway.decide import decide
from interlock_gateway.early_head import EarlyHead
from interlock_gateway.exchange import Exchange
from interlock_gateway.gateway import Gateway
from interlock_gateway.resume import after_break
from interlock_gateway.walk import walk
from interlock_protocols.requests.bad_request import BadRequest
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.surface import Surface

_log = logging.getLogger(__name__)

_STOPPING: Final = Refused(503, "shutdown", "this gateway is stopping; send the request again")
LONGEST_MODEL: Final = 256
"""Characters of a model's name: it is kept in records and goes into headers, and real ones have up to 100."""


async def infer(gw: Gateway, surface: Surface, scope: Scope, receive: Receive, send: Send) -> None:
    """One request. Returning before a stream's last piece makes the server cut the connection."""
    x = Exchange(gw, surface, scope, receive, send)
    gw.exchanges.add(x)
    try:
        await _serve(x)
    except asyncio.CancelledError:
        if x.interrupted is None:
            x.result = x.result or Result.SHUTDOWN
            raise
        if x.task is not None:
            x.task.uncancel()
        await _interrupted(x, x.interrupted)
    except Exception:  # noqa: BLE001  a bug must cost one request, not the process
        _log.exception("request %s failed inside the gateway", x.request_id)
        x.result = Result.BROKEN if x.head_sent else Result.EXHAUSTED
        x.reason = "internal"
        if x.head_sent:
            await send_last_words(x, 500, "internal", "the gateway failed on this request")
        elif x.status is None:
            await send_refusal(x, 500, "internal", "the gateway failed on this request; its log says why")
    finally:
        x.close()


async def _serve(x: Exchange) -> None:
    held = x.gw.follow.held
    if held is None:
        x.result = Result.NO_TARGET
        await send_refusal(x, 503, "not_ready", "no routing snapshot yet; run `interlock apply`")
        return
    x.version = held.version
    catalog = held.snapshot.catalog
    request = _turned_away(x, catalog) or await _read(x, catalog.server)
    if isinstance(request, Refused):
        await _refuse(x, request)
        return
    x.request = request
    x.watch()
    found = decide(x, held.snapshot, request)
    if isinstance(found, UnknownModel):
        x.result = Result.NO_TARGET
        message = (
            f"the model `{request.model}` does not exist: it is no pool and no target of a known provider"
        )
        await send_refusal(x, 404, "model_not_found", message, param="model")
        return
    pool, decision = found
    attempts = pool.policy.attempts
    # The content of a stream may take as long as it likes; getting to it may not.
    limit = (
        min(attempts.deadline_ms, attempts.first_token_total_ms) if request.stream else attempts.deadline_ms
    )
    x.deadline = x.started + limit / 1000
    x.gw.local.budget(pool.name, pool.policy.budgets, x.started).request()
    streams = pool.policy.streams
    if streams.head_after_ms is not None and request.stream:
        x.early = EarlyHead(x, streams.head_after_ms / 1000, streams.heartbeat_ms / 1000)
    broken = await walk(x, pool, decision)
    if broken is not None:
        await after_break(x, pool, decision, broken.failed)


def _turned_away(x: Exchange, catalog: CatalogRow) -> Refused | None:
    """What speaks against a request before its body is read."""
    if x.gw.stopping:
        x.result = Result.SHUTDOWN
        return _STOPPING
    most = catalog.server.max_concurrent
    if len(x.gw.exchanges) > most:
        return Refused(429, "concurrency", f"{most} requests are running", retry_after_s=1)
    caller = x.gw.admission.admit(catalog.keys, x.head)
    if caller is None or isinstance(caller, Refused):
        return caller
    if isinstance(caller, KeyFault):
        return refused_key(caller, x.surface.key_words)
    refused = caller.enter(x.started)
    if refused is None:
        x.caller = caller
    return refused


async def _read(x: Exchange, server: ServerLimits) -> InferenceRequest | Refused:
    """The body, as far as routing reads it."""
    body = await read_body(x, server.max_body)
    if isinstance(body, BodyRefused):
        return Refused(body.status, body.code, body.message)
    x.body = body
    request = x.surface.read(body)
    if isinstance(request, BadRequest):
        return Refused(request.status, request.code.value, request.message, request.param)
    model = request.model
    if len(model) > LONGEST_MODEL or not model.isprintable():
        return Refused(404, "model_not_found", "no model has such a name", "model")
    if x.caller is not None and not x.caller.may_use(model):
        message = f"the key {x.caller.key.name} has no access to the model `{model}`"
        return Refused(403, "model_not_found", message, "model")
    return request


async def _refuse(x: Exchange, why: Refused) -> None:
    if why is _STOPPING and x.gw.follow.held is not None:
        # The connection is closed after this answer: what still came in then would reset the answer away.
        await read_body(x, x.gw.follow.held.snapshot.catalog.server.max_body)
    await send_refusal(
        x,
        why.status,
        why.code,
        why.message,
        param=why.param,
        retry_after_s=why.retry_after_s,
        type=why.type,
    )


async def _interrupted(x: Exchange, why: Result) -> None:
    """End what is running: a client that left hears nothing, a stopping gateway says so."""
    x.result = why
    if why is Result.CLIENT_ABORT:
        return
    x.reason = "shutdown"
    if x.head_sent:
        await send_last_words(x, 503, "shutdown", "the gateway is stopping; the answer is incomplete")
    elif x.status is None:
        await send_refusal(x, 503, "shutdown", "this gateway is stopping; send the request again")
