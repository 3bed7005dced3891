"""Whether anything is to be exported, by the standard OTEL_ variables; nothing of OpenTelemetry is imported.

Rule: an exporter is wanted when the environment names one, or an address for it; everything finer (headers,
timeouts, sampling, batching) is read by the SDK itself. What we cannot do is one sentence, and the service
starts all the same: the variables are often set for a whole namespace, and telemetry must never take a
gateway down.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

TRACES: Final = "TRACES"
METRICS: Final = "METRICS"
_OTLP: Final = "OTEL_EXPORTER_OTLP"
_HTTP: Final = "http/protobuf"
MISSING: Final = (
    "an OTEL_ variable asks for OpenTelemetry, but its packages are not installed: nothing is exported; "
    "pip install 'interlock[otel]', or set OTEL_SDK_DISABLED=true"
)


class Wanted(Struct, frozen=True):
    """Which signals have somewhere to go."""

    traces: bool
    metrics: bool


class NotExported(Struct, frozen=True):
    """Why nothing leaves although it was asked for; one sentence that says what to do."""

    sentence: str


def wanted(environ: Mapping[str, str]) -> Wanted | NotExported | None:
    """What the environment asks for; None: nothing."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    asked = Wanted(*(_asked(environ, signal) for signal in (TRACES, METRICS)))
    for signal, yes in ((TRACES, asked.traces), (METRICS, asked.metrics)):
        refused = _refused(environ, signal) if yes else None
        if refused is not None:
            return refused
    return asked if asked.traces or asked.metrics else None


def _asked(environ: Mapping[str, str], signal: str) -> bool:
    exporters = environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    if exporters:
        return exporters != "none"
    return any(environ.get(name, "").strip() for name in (f"{_OTLP}_ENDPOINT", f"{_OTLP}_{signal}_ENDPOINT"))


def _refused(environ: Mapping[str, str], signal: str) -> NotExported | None:
    exporter = environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    if exporter not in ("", "otlp"):
        return NotExported(
            f"OTEL_{signal}_EXPORTER names an exporter that Interlock does not have, so nothing is exported: "
            "set it to otlp or none"
        )
    name = f"{_OTLP}_{signal}_PROTOCOL"
    name = name if environ.get(name) else f"{_OTLP}_PROTOCOL"
    if environ.get(name, "").strip().lower() not in ("", _HTTP):
        return NotExported(
            f"{name} is not {_HTTP}, the one protocol that Interlock exports by, so nothing is exported: "
            f"set it to {_HTTP} and the endpoint to the collector's HTTP port (usually 4318)"
        )
    return None
