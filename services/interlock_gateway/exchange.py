"""One request, from its head to its one terminal record.

The exchange is plain state of the request that the walk and the answers share; what belongs to one attempt
stands on that attempt, so that two may race without sharing anything. Whoever interrupts it (the client
left, the gateway stops) says why first and cancels its task; the walk ends at its current await, the
attempt's connection is released, and the record tells the reason.
"""

import asyncio
from typing import TYPE_CHECKING

from interlock_domain.attempt.record import AttemptRecord, RequestRecord, Skip, Usage
from interlock_domain.routing.decision import ENGINE, Decision, RouteInputs
from interlock_domain.words import Result
from interlock_gateway.admission import Caller
from interlock_gateway.asgi import Receive, Scope, Send
from interlock_gateway.client_head import Memory
from interlock_gateway.gateway import Gateway
from interlock_gateway.wire import Wire
from interlock_protocols.requests.inference import InferenceRequest
from interlock_protocols.splice.exposed_model import ExposedModel
from interlock_protocols.splice.model_name import with_model
from interlock_protocols.surface import Surface

if TYPE_CHECKING:
    from interlock_gateway.attempt import Opened
    from interlock_gateway.early_head import EarlyHead
    from interlock_gateway.heartbeat import Heartbeat
    from interlock_gateway.ledger import Attempt
    from interlock_gateway.tracing import RequestSpan
    from interlock_protocols.continuing.shown import Shown


class Exchange:
    """State of one request; times are monotonic seconds unless a name ends in `_ms`."""

    # Defaults stand on the class: of two dozen fields a usual request sets half.
    deadline = 0.0
    watcher: asyncio.Task[None] | None = None
    interrupted: Result | None = None
    body = b""
    request: InferenceRequest | None = None
    caller: Caller | None = None
    spliced: tuple[str, bytes] | None = None
    exposed: ExposedModel | None = None
    """Where the pool's name stands in for the upstream's own, what puts it there."""
    version = ""
    pool = ""
    inputs: RouteInputs | None = None
    decision: Decision | None = None
    running: "tuple[Attempt, ...]" = ()
    hedged: str | None = None
    """The target that raced another one's stream; one in a request."""
    served: "Opened | None" = None
    """The stream that the client gets, from its first content on."""
    shown: "Shown | None" = None
    """What the client was shown of it; only where a break may be continued."""
    early: "EarlyHead | None" = None
    heartbeat: "Heartbeat | None" = None
    skips: tuple[Skip, ...] = ()
    result: Result | None = None
    status: int | None = None
    reason: str | None = None
    head_sent = False
    first_content: float | None = None
    usage: Usage | None = None
    bytes_out = 0
    span: "RequestSpan | None" = None

    def __init__(self, gw: Gateway, surface: Surface, scope: Scope, receive: Receive, send: Send) -> None:
        self.gw = gw
        self.surface = surface
        self.receive = receive
        self.send = send
        self.wire = Wire.of(scope)
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.head = (self.wire.memory if self.wire is not None else Memory()).head(self.headers)
        self.query: bytes = scope["query_string"]
        self.request_id = gw.ids.request_id()
        self.started = gw.monotonic()
        self.task = asyncio.current_task(gw.loop)
        self.attempts: list[AttemptRecord] = []
        if gw.traces is not None:
            self.span = gw.traces.begin(scope)

    def timed_out(self) -> bool:
        """Whether the time for attempts is over; timers are exact to a millisecond."""
        return self.deadline - self.gw.monotonic() < 0.001

    def since_start_ms(self) -> int:
        """Milliseconds since the request began."""
        return int((self.gw.monotonic() - self.started) * 1000)

    def body_for(self, model: str) -> bytes:
        """The client's body with the model name replaced; the same bytes object when nothing changes."""
        if self.spliced is not None and self.spliced[0] == model:
            return self.spliced[1]
        assert self.request is not None
        body = with_model(self.request.body, self.request.model_span, model)
        self.spliced = (model, body)
        return body

    def interrupt(self, why: Result) -> None:
        """End the request now, wherever it is; the first reason stays."""
        if self.interrupted is None and self.result is None and self.task is not None:
            self.interrupted = why
            self.task.cancel()

    def watch(self) -> None:
        """Begin to notice that the client leaves: its server says so, or a task waits for that."""
        if self.wire is not None:
            self.wire.tell_gone(self._left)
        elif self.watcher is None:
            self.watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            continue
        self._left()

    def _left(self) -> None:
        self.interrupt(Result.CLIENT_ABORT)

    def label(self) -> str:
        """The pool as a metric may name it: clients invent exact names, and a label must be bounded."""
        held = self.gw.follow.held
        if "/" not in self.pool or (held is not None and self.pool in held.snapshot.targets):
            return self.pool
        return "other"

    def _let_go(self) -> None:
        """Stop what runs beside the walk; each holds this in its turn, a ring for the collector."""
        for timer in (self.early, self.heartbeat):
            if timer is not None:
                timer.stop()
        self.served = self.early = self.heartbeat = None

    def free_place(self) -> None:
        """The client has all it gets: the next request of its key may come."""
        caller, self.caller = self.caller, None
        if caller is not None:
            caller.leave()

    def close(self) -> None:
        """Write the one terminal record and leave the books."""
        gw = self.gw
        gw.exchanges.discard(self)
        if gw.stopping and not gw.exchanges:
            gw.idle.set()
        self.free_place()
        if self.wire is not None:
            self.wire.tell_gone(None)
        elif self.watcher is not None:
            self.watcher.cancel()
        for attempt in self.running:
            attempt.aborted()
        self._let_go()
        result = self.result or Result.REFUSED
        gw.counters.finished(self.label(), result)
        if self.span is not None:
            self.span.ended(self, result)
        if self.inputs is None:
            return
        gw.record_seq += 1
        took_ms = self.since_start_ms()
        first = self.first_content
        gw.records.put(
            # By position where it may be: more than 15 keywords take CPython's slow call, 0.7 us for 0.2.
            RequestRecord(
                self.request_id,
                gw.identity.gateway,
                gw.identity.boot,
                gw.record_seq,
                gw.wall_ms() - took_ms,
                took_ms,
                self.pool,
                self.inputs,
                self.version,
                ENGINE,
                self.decision,
                result,
                worker=gw.identity.worker,
                attempts=tuple(self.attempts),
                skips=self.skips,
                status=self.status,
                reason=self.reason,
                ttfc_ms=None if first is None else int((first - self.started) * 1000),
                usage=self.usage,
                bytes_in=len(self.body),
                bytes_out=self.bytes_out,
            )
        )
