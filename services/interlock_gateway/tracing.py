"""Spans and measurements of the gateway: one SERVER span for a request, one CLIENT child for each attempt.

Rule: what a span says was decided and recorded before; nothing here is awaited, decides or fails a request.
Names, numbers and reasons only: never a prompt, an answer, a credential or what an upstream said in words.
The trace of a caller goes on, and its attempts go upstream as parents, so that both ends stand in one tree.

Imported when somebody collects spans and not before. One span that lists the tried targets was dropped: it
loses when each was tried and how long it took.
"""

from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.span import TraceState

from interlock_domain.attempt.record import AttemptRecord, failovers
from interlock_domain.words import Api, Outcome, Result
from interlock_gateway.asgi import Scope
from interlock_runtime.telemetry import names
from interlock_runtime.telemetry.export import Telemetry
from interlock_runtime.telemetry.traceparent import Place, read_traceparent

if TYPE_CHECKING:
    from interlock_gateway.exchange import Exchange
    from interlock_gateway.ledger import Attempt

Headers = list[tuple[bytes, bytes]]
Attributes = dict[str, str | bool | int | float]

PARENT: Final = b"traceparent"
STATE: Final = b"tracestate"
LONGEST_STATE: Final = 512
"""Characters of a tracestate that the W3C asks to pass on; a longer one is dropped."""
_OPERATIONS: Final = {Api.COMPLETIONS: names.TEXT_COMPLETION, Api.EMBEDDINGS: names.EMBEDDINGS}
"""Of the GenAI conventions, which call every conversation `chat`."""
_FINE: Final = frozenset((Result.ANSWERED, Result.CLIENT_ABORT))


class RequestTraces:
    """Begins the spans of one gateway, and measures what ended."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self.tracer = telemetry.tracer
        self.conventions = told = telemetry.conventions
        seconds = list(names.DURATION_BUCKETS)
        histogram = telemetry.meter.create_histogram
        self.server_duration = histogram(
            names.SERVER_DURATION, "s", "Requests", explicit_bucket_boundaries_advisory=seconds
        )
        self.server_first = histogram(
            names.SERVER_FIRST_TOKEN,
            "s",
            "Time to the first content of a stream",
            explicit_bucket_boundaries_advisory=list(names.FIRST_TOKEN_BUCKETS),
        )
        self.client_duration = histogram(
            names.CLIENT_DURATION, "s", "Attempts", explicit_bucket_boundaries_advisory=seconds
        )
        self.client_tokens = histogram(
            names.CLIENT_TOKENS,
            "{token}",
            "Tokens as upstreams counted them",
            explicit_bucket_boundaries_advisory=list(names.TOKEN_BUCKETS),
        )
        self.client_first = None
        if told.client_first_chunk is not None:
            self.client_first = histogram(
                told.client_first_chunk,
                "s",
                "Time to the first content of an attempt",
                explicit_bucket_boundaries_advisory=list(names.FIRST_TOKEN_BUCKETS),
            )

    @property
    def dropped(self) -> int:
        """Spans lost for good."""
        return self._telemetry.dropped

    def begin(self, scope: Scope) -> "RequestSpan":
        """The span of a request that just came in, in the trace that its caller names."""
        parent = _caller(scope["headers"])
        span = self.tracer.start_span(
            f"{scope['method']} {scope['path']}", context=_below(parent), kind=SpanKind.SERVER
        )
        return RequestSpan(self, span, scope, traced=parent is not None)

    async def close(self) -> None:
        """Send what waits, in bounded time."""
        await self._telemetry.close()


class RequestSpan:
    """One request. `traced`: its caller has a trace of its own."""

    __slots__ = ("_below", "_scope", "_span", "_traced", "_traces")

    def __init__(self, traces: RequestTraces, span: Span, scope: Scope, *, traced: bool) -> None:
        self._traces = traces
        self._span = span
        self._scope = scope
        self._traced = traced
        self._below = set_span_in_context(span, Context())

    def attempt(self, attempt: "Attempt") -> "AttemptSpan":
        """The span of an attempt that begins now."""
        span = self._traces.tracer.start_span(
            f"{_operation(attempt.x)} {attempt.target.upstream_model}",
            context=self._below,
            kind=SpanKind.CLIENT,
        )
        return AttemptSpan(self._traces, span, keeps_state=self._traced)

    def ended(self, x: "Exchange", result: Result) -> None:
        """The request's terminal record is about to be written."""
        error = _error_of(x, result)
        self._measure(x, error)
        span = self._span
        if span.is_recording():
            span.set_attributes(self._told(x, result))
            if error is not None:
                span.set_attribute(names.ERROR_TYPE, error)
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _told(self, x: "Exchange", result: Result) -> Attributes:
        path = self._scope["path"]
        told: Attributes = {
            names.HTTP_METHOD: self._scope["method"],
            names.HTTP_ROUTE: path,  # the one exact path that led here
            names.URL_PATH: path,
            names.URL_SCHEME: self._scope.get("scheme", "http"),
            names.OPERATION: _operation(x),
            names.ROUTER_REQUEST: x.request_id,
            names.ROUTER_RESULT: result.value,
            names.ROUTER_ATTEMPTS: len(x.attempts),
            names.ROUTER_FALLBACK: failovers(x.attempts) > 0,
        }
        if x.status is not None:
            told[names.HTTP_STATUS] = x.status
        if x.request is not None:
            told[names.REQUEST_MODEL] = x.request.model
        if x.pool:
            told[names.ROUTER_POOL] = x.pool
        if x.version:
            told[names.ROUTER_SNAPSHOT] = x.version
        if x.reason is not None:
            told[names.ROUTER_REASON] = x.reason
        if x.attempts:
            told[names.ROUTER_TARGET] = x.attempts[-1].target
        return told

    def _measure(self, x: "Exchange", error: str | None) -> None:
        labels: Attributes = {
            names.OPERATION: _operation(x),
            self._traces.conventions.provider: "interlock",
            names.REQUEST_MODEL: x.label(),
        }
        if error is not None:
            labels[names.ERROR_TYPE] = error
        self._traces.server_duration.record(x.gw.monotonic() - x.started, labels)
        if x.first_content is not None:
            self._traces.server_first.record(x.first_content - x.started, labels)


class AttemptSpan:
    """One attempt. `traceparent` names it to the log; None: this trace is not kept."""

    __slots__ = ("_header", "_keeps_state", "_span", "_traces", "traceparent")

    def __init__(self, traces: RequestTraces, span: Span, *, keeps_state: bool) -> None:
        own = span.get_span_context()
        header = Place(own.trace_id, own.span_id, own.trace_flags.sampled).header() if own.is_valid else None
        self._traces = traces
        self._span = span
        self._keeps_state = keeps_state
        self._header = header
        self.traceparent = header if own.trace_flags.sampled else None

    @property
    def changed(self) -> tuple[str, ...]:
        """The names that `headers` puts in."""
        return () if self._header is None else (PARENT.decode(),)

    def headers(self, headers: Headers) -> Headers:
        """The client's headers with this attempt as the parent of what the upstream does."""
        if self._header is None:
            return headers
        own = {PARENT} if self._keeps_state else {PARENT, STATE}  # a state without its parent says nothing
        kept = [pair for pair in headers if pair[0] not in own]
        kept.append((PARENT, self._header.encode()))
        return kept

    def ended(self, attempt: "Attempt", entry: AttemptRecord) -> None:
        """The attempt is accounted for."""
        self._measure(attempt, entry)
        span = self._span
        if span.is_recording():
            span.set_attributes(self._told(attempt, entry))
            if entry.outcome is Outcome.FAILED:
                span.set_attribute(names.ERROR_TYPE, _failure(entry))
                span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _told(self, attempt: "Attempt", entry: AttemptRecord) -> Attributes:
        x = attempt.x
        told = self._who(attempt, attempt.target.upstream_model)
        told |= {
            names.ROUTER_TARGET: entry.target,
            names.ROUTER_NUMBER: entry.number,
            names.ROUTER_OUTCOME: entry.outcome.value,
        }
        call = x.gw.calls.of(attempt.target, x.surface.upstream_path)
        if call is not None:
            told[names.SERVER_PORT] = call.origin.port
        if entry.try_ > 1:
            told[names.HTTP_RESEND] = entry.try_ - 1
        if entry.probe:
            told[names.ROUTER_PROBE] = True
        if entry.hedge:
            told[names.ROUTER_HEDGE] = True
        if entry.phase is not None:
            told[names.ROUTER_PHASE] = entry.phase.value
        if entry.status is not None:  # of a failure; an answer that may be passed on has 2xx
            told[names.HTTP_STATUS] = entry.status
        return told | self._answered(attempt, entry)

    def _answered(self, attempt: "Attempt", entry: AttemptRecord) -> Attributes:
        x, said = attempt.x, self._traces.conventions
        told: Attributes = {}
        if said.stream is not None and x.request is not None and x.request.stream:
            told[said.stream] = True
        if said.time_to_first_chunk is not None and entry.ttft_ms is not None:
            told[said.time_to_first_chunk] = entry.ttft_ms / 1000
        if entry.outcome is Outcome.SUCCEEDED and x.usage is not None:
            if x.usage.prompt_tokens is not None:
                told[names.INPUT_TOKENS] = x.usage.prompt_tokens
            if x.usage.completion_tokens is not None:
                told[names.OUTPUT_TOKENS] = x.usage.completion_tokens
        return told

    def _who(self, attempt: "Attempt", model: str) -> Attributes:
        call = attempt.x.gw.calls.of(attempt.target, attempt.x.surface.upstream_path)
        provider = attempt.target.provider.name
        told: Attributes = {names.OPERATION: _operation(attempt.x), names.REQUEST_MODEL: model}
        if call is not None:
            provider = names.provider_name(provider, call.origin.host)
            told[names.SERVER_ADDRESS] = call.origin.host
        told[self._traces.conventions.provider] = provider
        return told

    def _measure(self, attempt: "Attempt", entry: AttemptRecord) -> None:
        traces, usage = self._traces, attempt.x.usage
        labels = self._who(
            attempt, attempt.target.upstream_model if attempt.target.target is not None else names.OTHER
        )
        if entry.outcome is Outcome.FAILED:
            labels[names.ERROR_TYPE] = _failure(entry)
        traces.client_duration.record((entry.ended_ms - entry.started_ms) / 1000, labels)
        if traces.client_first is not None and entry.ttft_ms is not None:
            traces.client_first.record(entry.ttft_ms / 1000, labels)
        if entry.outcome is Outcome.SUCCEEDED and usage is not None:
            for kind, count in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                if count is not None:
                    traces.client_tokens.record(count, labels | {names.TOKEN_TYPE: kind})


def _failure(entry: AttemptRecord) -> str:
    return entry.failure.value if entry.failure is not None else names.OTHER


def _operation(x: "Exchange") -> str:
    return _OPERATIONS.get(x.surface.api, names.CHAT)


def _error_of(x: "Exchange", result: Result) -> str | None:
    """What went wrong here; a refusal of what the client sent, or a client that left, is none."""
    if result in _FINE or (x.status is not None and 400 <= x.status < 500):
        return None
    return x.reason or result.value


def _below(caller: SpanContext | None) -> Context:
    return Context() if caller is None else set_span_in_context(NonRecordingSpan(caller), Context())


def _caller(headers: Headers) -> SpanContext | None:
    """The caller's span; None for no header, more than one, or one that is none."""
    found = [value for name, value in headers if name == PARENT]
    place = read_traceparent(found[0].decode("latin-1").strip()) if len(found) == 1 else None
    if place is None:
        return None
    states = [value.decode("latin-1") for name, value in headers if name == STATE]
    state = TraceState.from_header(states) if states and sum(map(len, states)) <= LONGEST_STATE else None
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(place.trace, place.span, is_remote=True, trace_flags=flags, trace_state=state)
