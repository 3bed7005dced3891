"""Builders of request records and of logged events."""

from typing import Any

from interlock_domain.attempt.record import AttemptRecord, RequestRecord
from interlock_domain.events import Event
from interlock_domain.recorded import BatchPart, RecordedEvent
from interlock_domain.routing.decision import ENGINE, Decision, RouteInputs
from interlock_domain.routing.route import route
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import Outcome, Result


def a_record(snapshot: Snapshot, inputs: RouteInputs, **fields: Any) -> RequestRecord:
    """What a gateway would record of these inputs, answered by the first candidate unless said."""
    found = route(snapshot, inputs)
    values: dict[str, Any] = {
        "request_id": "7f3a9c",
        "gateway": inputs.gateway,
        "boot": "b",
        "seq": 1,
        "started_ms": 0,
        "duration_ms": 3_000,
        "pool": inputs.model,
        "inputs": inputs,
        "snapshot": snapshot.version,
        "engine": ENGINE,
        "decision": found if isinstance(found, Decision) else None,
        "result": Result.ANSWERED,
    }
    return RequestRecord(**(values | fields))


def an_attempt(number: int, target: str, **fields: Any) -> AttemptRecord:
    values: dict[str, Any] = {"outcome": Outcome.SUCCEEDED, "started_ms": 0, "ended_ms": 100}
    return AttemptRecord(number=number, target=target, **(values | fields))


def logged(position: int, event: Event, *, stream: str, version: int, **fields: Any) -> RecordedEvent:
    values: dict[str, Any] = {"recorded_ms": 1_000 * position, "id": f"e{position}"}
    return RecordedEvent(position=position, event=event, stream=stream, version=version, **(values | fields))


def batch(*records: RecordedEvent) -> list[RecordedEvent]:
    """The same records as one transaction."""
    size = len(records)
    return [
        RecordedEvent(
            position=r.position,
            recorded_ms=r.recorded_ms,
            stream=r.stream,
            version=r.version,
            id=r.id,
            event=r.event,
            batch=BatchPart(id="b1", index=index, size=size),
        )
        for index, r in enumerate(records)
    ]
