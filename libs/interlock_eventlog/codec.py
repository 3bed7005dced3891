"""The codec: events to bodies and back, total over any bytes.

Rule: decoding never raises. A body that cannot be read is a value with a closed reason, because
what to do about it differs: a reader may pass over a fact and must stop before a decision.

Almost every body is of today's version, so it is read in one pass by a decoder made for its type; the
type is looked up in the bytes and is a hint only, checked by that decoder. Whatever it refuses is
read again carefully: envelope first, then upcasting, then data, to find out why. Reading every body
in those two steps took 9.0 us for eight counted rows of two histograms, in one pass 6.0.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from interlock_domain.events import Event
from interlock_domain.recorded import BatchPart, NewEvent, RecordedEvent
from interlock_eventlog.envelope import Envelope
from interlock_eventlog.upcast import EVENT_TYPES, STEPS, VERSIONS, Data, Step, upcast

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for bytes it cannot read; the last one for absurdly deep nesting."""


TYPE_KEY: Final = b'"type":"'
"""In our own bodies its first occurrence is the envelope's: inside a JSON string it would be escaped."""


class UndecodableReason(StrEnum):
    """Why a body could not be read."""

    BAD_JSON = "bad_json"
    """No JSON, or no envelope."""
    UNKNOWN_TYPE = "unknown_type"
    FUTURE_VERSION = "future_version"
    BAD_DATA = "bad_data"
    """The data does not fit its type, or an upcaster could not read it."""


class Undecodable(Struct, frozen=True, kw_only=True):
    """A record that this program cannot read; `type` and `version` as far as the envelope told."""

    position: int
    recorded_ms: int
    reason: UndecodableReason
    detail: str
    type: str | None = None
    stream: str | None = None
    version: int | None = None


class _Refusal(Struct, frozen=True):
    reason: UndecodableReason
    detail: str


class Codec:
    """Encodes today's versions; decodes every version the steps lead up from."""

    def __init__(
        self,
        *,
        steps: Mapping[tuple[str, int], Step] = STEPS,
        versions: Mapping[str, int] = VERSIONS,
    ) -> None:
        self._steps = steps
        self._versions = versions
        self._encoder = msgspec.json.Encoder()
        self._envelopes = msgspec.json.Decoder(Envelope)
        self._plain = msgspec.json.Decoder(dict[str, object])
        self._current = {name.encode(): _decoder(name, v) for name, v in versions.items()}
        self._tag_sizes = {cls: len(f'"type":"{name}"') for name, cls in EVENT_TYPES.items()}

    def encode(
        self, new: NewEvent, stream: str, version: int | None = None, batch: BatchPart | None = None
    ) -> bytes:
        """The body of one record."""
        name = type(new.event).__name__
        envelope = Envelope(
            id=new.id,
            type=name,
            v=self._versions[name],
            stream=stream,
            version=version,
            batch=batch,
            actor=new.actor,
            reason=new.reason,
            correlation=new.correlation,
            causation=new.causation,
            source=new.source,
            age_ms=new.age_ms,
            traceparent=new.traceparent,
            data=self._data(new.event),
        )
        return self._encoder.encode(envelope)

    def _data(self, event: Event) -> Raw:
        """The event's fields without the tag, which msgspec always writes first."""
        tagged = self._encoder.encode(event)
        rest = 1 + self._tag_sizes[type(event)]
        return Raw(b"{" + tagged[rest + (tagged[rest : rest + 1] == b",") :])

    def decode(self, body: bytes, position: int, recorded_ms: int) -> RecordedEvent | Undecodable:
        """The event that the body holds, or why there is none."""
        start = body.find(TYPE_KEY) + len(TYPE_KEY)
        decoder = self._current.get(body[start : body.find(b'"', start)])
        if decoder is not None:
            try:
                read = decoder.decode(body)
            except UNREADABLE:
                pass
            else:
                return _recorded(read, read.data, position, recorded_ms)
        return self._carefully(body, position, recorded_ms)

    def _carefully(self, body: bytes, position: int, recorded_ms: int) -> RecordedEvent | Undecodable:
        try:
            envelope = self._envelopes.decode(body)
        except UNREADABLE as error:
            return Undecodable(
                position=position,
                recorded_ms=recorded_ms,
                reason=UndecodableReason.BAD_JSON,
                detail=str(error),
            )
        found = self._upcast(envelope)
        if isinstance(found, _Refusal):
            return Undecodable(
                position=position,
                recorded_ms=recorded_ms,
                reason=found.reason,
                detail=found.detail,
                type=envelope.type,
                stream=envelope.stream,
                version=envelope.version,
            )
        return _recorded(envelope, found, position, recorded_ms)

    def _upcast(self, envelope: Envelope) -> Event | _Refusal:
        try:
            data: Data = self._plain.decode(envelope.data)
            name, v, data = upcast(envelope.type, envelope.v, data, self._steps)
            current = self._versions.get(name)
            if current is None:
                return _Refusal(UndecodableReason.UNKNOWN_TYPE, name)
            if v != current:
                reason = UndecodableReason.FUTURE_VERSION if v > current else UndecodableReason.BAD_DATA
                return _Refusal(reason, f"{name} v{v}, this program reads v{current}")
            return msgspec.convert(data, EVENT_TYPES[name])
        except (*UNREADABLE, KeyError, TypeError, ValueError) as error:  # an upcaster met odd data
            return _Refusal(UndecodableReason.BAD_DATA, str(error))


def _decoder(name: str, v: int) -> msgspec.json.Decoder[Any]:
    """Reads the whole body of one type and version in one pass; refuses every other."""
    fields = [("type", Literal[name]), ("v", Literal[v]), ("data", EVENT_TYPES[name])]
    return msgspec.json.Decoder(
        msgspec.defstruct(f"{name}Envelope", fields, bases=(Envelope,), frozen=True, kw_only=True)
    )


def _recorded(envelope: Envelope, event: Event, position: int, recorded_ms: int) -> RecordedEvent:
    return RecordedEvent(
        position=position,
        recorded_ms=recorded_ms,
        stream=envelope.stream,
        version=envelope.version,
        id=envelope.id,
        event=event,
        batch=envelope.batch,
        actor=envelope.actor,
        reason=envelope.reason,
        correlation=envelope.correlation,
        causation=envelope.causation,
        source=envelope.source,
        age_ms=envelope.age_ms,
        traceparent=envelope.traceparent,
    )


CODEC: Final = Codec()
"""The codec of today's program; others are for tests of evolution."""
