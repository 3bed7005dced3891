"""What a gateway reports over HTTP: from a body to facts, or to the reasons why none of them is taken.

Rule: identity, stream and ids are made here from gateway, worker, boot and sequence, so a report can neither
speak for another stream nor name an event twice; what only operators and projectors say is no fact of a
gateway. One event that cannot be taken refuses the whole report and is named with its reason, because half a
report would look like a loss. Decoding is the log's own, upcasters and all.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Raw, Struct

from interlock_domain.events import (
    AttemptFailed,
    AttemptSucceeded,
    GatewayReported,
    SnapshotRejected,
    SuccessesCounted,
)
from interlock_domain.recorded import NewEvent, Source, stream_of_gateway
from interlock_eventlog.codec import CODEC, UNREADABLE, Undecodable, UndecodableReason
from interlock_eventlog.envelope import Envelope

MOST: Final = 1_000
"""Facts of one report: five batches of a gateway of ours."""
LARGEST_BODY: Final = 4 * 1024 * 1024
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,200}")
OF_A_GATEWAY: Final = (AttemptFailed, AttemptSucceeded, SuccessesCounted, GatewayReported, SnapshotRejected)


class RefusedWhy(StrEnum):
    """Why an event of a report is not taken."""

    UNKNOWN_TYPE = "unknown_type"
    FUTURE_VERSION = "future_version"
    BAD_DATA = "bad_data"
    NOT_OF_A_GATEWAY = "not_of_a_gateway"
    """A decision, or a fact of the cluster's own: nothing that a gateway sees."""


class RefusedEvent(Struct, frozen=True):
    """One event, counted from 0 in the report."""

    index: int
    reason: RefusedWhy


class Refusal(Struct, frozen=True):
    """Why nothing is taken: a sentence, and the events that are the reason."""

    sentence: str
    refused: tuple[RefusedEvent, ...] = ()


class ReportedEvent(Struct, frozen=True, kw_only=True):
    """One event of a report; its sequence is its place."""

    type: str
    v: int = 1
    age_ms: int = 0
    data: Raw


class Report(Struct, frozen=True, kw_only=True):
    """The body of POST /outcomes."""

    gateway: str
    worker: int = 0
    boot: str
    first_seq: int
    events: tuple[ReportedEvent, ...]


class Facts(Struct, frozen=True):
    """A report as the log takes it."""

    stream: str
    facts: tuple[NewEvent, ...]


_reports: Final = msgspec.json.Decoder(Report)
_envelopes: Final = msgspec.json.Encoder()
_REASONS: Final = {
    UndecodableReason.UNKNOWN_TYPE: RefusedWhy.UNKNOWN_TYPE,
    UndecodableReason.FUTURE_VERSION: RefusedWhy.FUTURE_VERSION,
}


def reported(body: bytes) -> Facts | Refusal:
    """All the facts of a report, or why there are none."""
    try:
        report = _reports.decode(body)
    except UNREADABLE as error:
        return Refusal(f"the report cannot be read: {error}")
    wrong = _wrong(report)
    if wrong is not None:
        return Refusal(wrong)
    stream, facts, refused = stream_of_gateway(report.gateway), list[NewEvent](), list[RefusedEvent]()
    for index, told in enumerate(report.events):
        found = _fact(report, told, index, stream)
        if isinstance(found, RefusedWhy):
            refused.append(RefusedEvent(index, found))
        else:
            facts.append(found)
    if refused:
        first = refused[0]
        return Refusal(
            f"nothing was taken, because of {len(refused)} of {len(report.events)} events, the first is "
            f"number {first.index}: {first.reason.value}; leave them out and send the others again",
            tuple(refused),
        )
    return Facts(stream, tuple(facts))


def _wrong(report: Report) -> str | None:
    if not _ID.fullmatch(report.gateway) or not _ID.fullmatch(report.boot):
        return "gateway and boot want 1 to 200 letters, digits and - _ . : only"
    if report.worker < 0 or report.first_seq < 1:
        return "worker counts from 0 and first_seq from 1"
    if not 1 <= len(report.events) <= MOST:
        return f"a report holds 1 to {MOST} events"
    return None


def _fact(report: Report, told: ReportedEvent, index: int, stream: str) -> NewEvent | RefusedWhy:
    seq = report.first_seq + index
    name = f"{report.gateway}/{report.worker}/{report.boot}/{seq}"
    envelope = Envelope(id=name, type=told.type, v=told.v, stream=stream, data=told.data)
    found = CODEC.decode(_envelopes.encode(envelope), 0, 0)
    if isinstance(found, Undecodable):
        return _REASONS.get(found.reason, RefusedWhy.BAD_DATA)
    if not isinstance(found.event, OF_A_GATEWAY):
        return RefusedWhy.NOT_OF_A_GATEWAY
    return NewEvent(
        id=name,
        event=found.event,
        source=Source(gateway=report.gateway, worker=report.worker, boot=report.boot, seq=seq),
        age_ms=max(0, told.age_ms),
    )
