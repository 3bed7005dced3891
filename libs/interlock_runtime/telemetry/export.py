"""Exporting spans and metrics over OTLP/HTTP: in threads of their own, from bounded queues, losses counted.

Rule: whoever makes a span never waits for its export. When the queue is full the new span is dropped and
counted; a collector that is away is said once, by our own line, and costs nobody a request. At the end what
waits gets two seconds. The SDK's global provider was dropped: quickstart runs several services in one
process, and a library that installs itself globally could not be proved absent.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracerProvider, Tracer

from interlock_runtime.telemetry.names import (
    SERVICE_INSTANCE,
    SERVICE_NAME,
    SERVICE_VERSION,
    Conventions,
)
from interlock_runtime.telemetry.wanted import Wanted
from interlock_runtime.trouble import Trouble

QUEUE: Final = 2_048
"""Spans that wait, as the specification has it: a second of a busy gateway, some megabytes."""
CLOSE_S: Final = 2.0
"""For what waits at the end: one round trip, not a collector's timeout."""
SCOPE: Final = "interlock"

_log = logging.getLogger(__name__)


class Telemetry:
    """Where spans and measurements go. Use `tracer` and `meter`; `close` once."""

    def __init__(
        self, tracer: Tracer, meter: Meter, conventions: Conventions, *, spans: "BoundedSpans | None" = None
    ) -> None:
        self.tracer = tracer
        self.meter = meter
        self.conventions = conventions
        self._spans = spans
        self._ends: list[Any] = []

    @property
    def dropped(self) -> int:
        """Spans lost for good: no room for them, or no collector that took them."""
        return self._spans.lost if self._spans is not None else 0

    def ends_with(self, *providers: Any) -> None:
        """What is shut down with it."""
        self._ends += providers

    async def close(self) -> None:
        """Send what waits, for at most two seconds; a thread that hangs ends with the process."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        ends, self._ends = self._ends, []

        def work() -> None:
            for provider in ends:
                provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=work, name="telemetry-close", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), CLOSE_S)
        except TimeoutError:
            if self._spans is not None:
                self._spans.give_up()


class BoundedSpans(BatchSpanProcessor):
    """Batches in a thread; counts what it has no room for. Our own bound, as the SDK's warns at each span."""

    def __init__(self, exporter: "WatchedSpans", *, capacity: int = QUEUE) -> None:
        super().__init__(exporter, max_queue_size=2 * capacity, max_export_batch_size=min(512, capacity))
        self._exporter = exporter
        self._capacity = capacity
        self._taken_in = 0
        self._no_room = 0

    @property
    def lost(self) -> int:
        """Dropped here or refused out there."""
        return self._no_room + self._exporter.refused

    def give_up(self) -> None:
        """End a wait between two tries: what still waits is lost."""
        self._exporter.shutdown()

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span of a kept trace."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._taken_in - self._exporter.taken >= self._capacity:
            self._no_room += 1
            return
        self._taken_in += 1
        super().on_end(span)


class WatchedSpans(SpanExporter):
    """The OTLP exporter; says in one line when its collector is away and when it is back."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._trouble = Trouble(_log, "spans do not reach their collector", monotonic=time.monotonic)
        self.taken = 0
        self.refused = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the batch thread."""
        self.taken += len(spans)
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._trouble.is_over()
        else:
            self.refused += len(spans)
            self._trouble.is_on("they are dropped; check the collector and the OTEL_EXPORTER_OTLP_ variables")
        return result

    def shutdown(self) -> None:
        """Ends a wait between two tries too."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See SpanExporter."""
        return self._inner.force_flush(timeout_millis)


class WatchedMetrics(OTLPMetricExporter):
    """The same for measurements, which are sums: what was not taken once is in the next ones."""

    def __init__(self, endpoint: str | None = None, *, timeout: float | None = None) -> None:
        super().__init__(endpoint, timeout=timeout)
        self._trouble = Trouble(_log, "metrics do not reach their collector", monotonic=time.monotonic)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Called by the reader's thread."""
        result = super().export(metrics_data, timeout_millis, **kwargs)
        if result is MetricExportResult.SUCCESS:
            self._trouble.is_over()
        else:
            self._trouble.is_on("check the collector and the OTEL_EXPORTER_OTLP_ variables")
        return result


def exporting(
    environ: Mapping[str, str],
    asked: Wanted,
    conventions: Conventions,
    *,
    service: str,
    instance: str,
    version: str,
) -> Telemetry:
    """What the environment asks for; the SDK reads the finer settings from the process's own environment."""
    about = {SERVICE_INSTANCE: instance, SERVICE_VERSION: version}
    if not environ.get("OTEL_SERVICE_NAME") and SERVICE_NAME not in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        about[SERVICE_NAME] = service
    return assembled(
        Resource.create(about),
        conventions,
        spans=OTLPSpanExporter() if asked.traces else None,
        metrics=WatchedMetrics() if asked.metrics else None,
        queue=_number(environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "")) or QUEUE,
    )


def assembled(
    resource: Resource,
    conventions: Conventions,
    *,
    spans: SpanExporter | None,
    metrics: MetricExporter | None = None,
    queue: int = QUEUE,
) -> Telemetry:
    """The same over exporters that are given."""
    tracers: Any = NoOpTracerProvider()
    meters: Any = NoOpMeterProvider()
    ends: list[Any] = []
    bounded: BoundedSpans | None = None
    if spans is not None:
        bounded = BoundedSpans(WatchedSpans(spans), capacity=queue)
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(bounded)
        ends.append(tracers)
    if metrics is not None:
        reader = PeriodicExportingMetricReader(metrics)
        meters = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
        ends.append(meters)
    made = Telemetry(
        tracers.get_tracer(SCOPE, schema_url=conventions.schema_url),
        meters.get_meter(SCOPE, schema_url=conventions.schema_url),
        conventions,
        spans=bounded,
    )
    made.ends_with(*ends)
    return made


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0
