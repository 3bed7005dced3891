"""A collector of OpenTelemetry on loopback: what arrives over OTLP/HTTP, decoded, for tests to look at.

Rule: it speaks the real protocol, so that a test sees what an operator's collector would see; it can be told
to refuse or to keep silent. An exporter in memory was dropped: it proves nothing about what leaves.
"""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from msgspec import Struct
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

KINDS: Final = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
ERROR: Final = 2


class SeenSpan(Struct, frozen=True, kw_only=True):
    """A span as it arrived; ids in hex, `parent` empty for a root."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...] = ()
    state: str = ""
    started_ns: int = 0
    ended_ns: int = 0


class SeenHistogram(Struct, frozen=True, kw_only=True):
    """One series of one histogram as it arrived last."""

    name: str
    unit: str
    count: int
    sum: float
    bounds: tuple[float, ...]
    attributes: dict[str, Any]


class Collector:
    """`url` is what OTEL_EXPORTER_OTLP_ENDPOINT wants; `refuses` makes it answer 503."""

    def __init__(self) -> None:
        self.spans: list[SeenSpan] = []
        self.histograms: list[SeenHistogram] = []
        self.bodies: list[bytes] = []
        self.schemas: set[str] = set()
        self.refuses = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, start: str) -> list[SeenSpan]:
        """The spans whose names start so, oldest first."""
        return sorted(
            (one for one in self.spans if one.name.startswith(start)), key=lambda one: one.started_ns
        )

    def children(self, of: SeenSpan) -> list[SeenSpan]:
        """The spans below one, oldest first."""
        found = [one for one in self.spans if (one.trace, one.parent) == (of.trace, of.id)]
        return sorted(found, key=lambda one: one.started_ns)

    def take(self, path: str, body: bytes) -> None:
        """A message came in."""
        self.bodies.append(body)
        if path == "/v1/traces":
            self._traces(ExportTraceServiceRequest.FromString(body))
        elif path == "/v1/metrics":
            self._metrics(ExportMetricsServiceRequest.FromString(body))

    def _traces(self, message: ExportTraceServiceRequest) -> None:
        for resource in message.resource_spans:
            service = _values(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                self.schemas.add(scope.schema_url)
                self.spans += [_seen(service, span) for span in scope.spans]

    def _metrics(self, message: ExportMetricsServiceRequest) -> None:
        self.histograms = [
            SeenHistogram(
                name=metric.name,
                unit=metric.unit,
                count=point.count,
                sum=point.sum,
                bounds=tuple(point.explicit_bounds),
                attributes=_values(point.attributes),
            )
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.histogram.data_points
        ]


def _seen(service: str, span: WireSpan) -> SeenSpan:
    return SeenSpan(
        service=service,
        name=span.name,
        kind=KINDS.get(span.kind, "internal"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        failed=span.status.code == ERROR,
        attributes=_values(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        state=span.trace_state,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if not collector.refuses:
                collector.take(self.path, body)
            self.send_response(503 if collector.refuses else 200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing on the terminal."""

    return Handler
