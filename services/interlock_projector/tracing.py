"""Spans of the projector: one for each batch that tells of traced requests, linked to every one of them.

Rule: a batch has many causes and is the child of none, so it is a trace of its own with links; a batch of
which nobody kept a trace has no span. A span for each record was dropped: at full speed it would cost more
than the fold (event-log-facts.md, 3.3).
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from interlock_domain.recorded import RecordedEvent
from interlock_runtime.telemetry import names
from interlock_runtime.telemetry.export import Telemetry
from interlock_runtime.telemetry.traceparent import Place, read_traceparent

LINKS: Final = 128
"""What a span may have by the SDK's default; beyond that the number alone tells."""


class BatchTraces:
    """Makes the spans of one projector."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def begin(self, records: Sequence[RecordedEvent]) -> "BatchSpan | None":
        """The span of a batch that is about to be folded; None: nobody traces what it tells of."""
        told = dict.fromkeys(record.traceparent for record in records if record.traceparent is not None)
        places = [place for text in told if (place := read_traceparent(text)) is not None and place.sampled]
        if not places:
            return None
        span = self._telemetry.tracer.start_span(
            "process events",
            context=Context(),
            kind=SpanKind.CONSUMER,
            links=[_link(place) for place in places[:LINKS]],
            attributes={
                names.MESSAGING_SYSTEM: "interlock",
                names.MESSAGING_OPERATION: "process",
                names.MESSAGING_OPERATION_NAME: "fold",
                names.MESSAGING_BATCH: len(records),
                names.ROUTER_TRACED: len(places),
            },
        )
        return BatchSpan(span)

    async def close(self) -> None:
        """Send what waits, in bounded time."""
        await self._telemetry.close()


class BatchSpan:
    """One batch, from its fold to the end of its commit."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, position: int, *, committed: bool) -> None:
        """The rows of that position are durable, or somebody has to say why not."""
        self._span.set_attribute(names.ROUTER_POSITION, position)
        if not committed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _link(place: Place) -> Link:
    return Link(
        SpanContext(place.trace, place.span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    )
