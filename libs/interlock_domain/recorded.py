"""An event as the log holds it: the envelope around the fact, as the fold reads it.

Domain events hold domain words only; position, time and origin live here. `recorded_ms` is the
log's append time and the only clock that a fold may know.
"""

from msgspec import Struct

from interlock_domain.events import Event


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Identity of a fact: gateway (host or pod), worker, boot and sequence within the boot."""

    gateway: str
    worker: int = 0
    boot: str
    seq: int


class BatchPart(Struct, frozen=True, kw_only=True):
    """Place of a decision in its transaction; index counts from 0."""

    id: str
    index: int
    size: int


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event on its way into the log. `id` makes the append idempotent.

    `traceparent` (W3C) leads to the request that it tells of, for people: no fold reads it.
    """

    id: str
    event: Event
    actor: str | None = None
    reason: str | None = None
    correlation: str | None = None
    causation: str | None = None
    source: Source | None = None
    age_ms: int = 0
    traceparent: str | None = None


class RecordedEvent(Struct, frozen=True, kw_only=True):
    """An event in the log. `version` counts from 1 within a decision stream; facts have none."""

    position: int
    recorded_ms: int
    stream: str
    version: int | None
    id: str
    event: Event
    batch: BatchPart | None = None
    actor: str | None = None
    reason: str | None = None
    correlation: str | None = None
    causation: str | None = None
    source: Source | None = None
    age_ms: int = 0
    traceparent: str | None = None


def stream_of_gateway(gateway: str) -> str:
    """The stream of a gateway's facts."""
    return f"gateway/{gateway}"


CLOCK_STREAM = "clock"
CONFIG_STREAM = "config"
POLICY_STREAM = "policy"
