"""The envelope: the JSON body of every record, the same in SQLite and in Kafka's value.

`data` holds the event's fields and nothing else: the type stands once, in the envelope, so that an
upcaster can rename an event without touching its data. Fields that say nothing are left out; `v` is
always written, because a missing number could mean any version. Facts carry `source` and `age_ms`,
decisions carry `version` and `batch`.
"""

from msgspec import Raw, Struct

from interlock_domain.events import AttemptFailed, AttemptSucceeded, Event
from interlock_domain.recorded import BatchPart, Source


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record's body with its data still undecoded. Unknown fields are accepted."""

    id: str
    type: str
    v: int
    stream: str
    version: int | None = None
    batch: BatchPart | None = None
    actor: str | None = None
    reason: str | None = None
    correlation: str | None = None
    causation: str | None = None
    source: Source | None = None
    age_ms: int = 0
    traceparent: str | None = None
    data: Raw


def subject_of(stream: str, event: Event) -> str:
    """What the event is about: the target of a single attempt, else the stream.

    Counted successes name many targets, so they stay under their gateway.
    """
    if isinstance(event, AttemptFailed | AttemptSucceeded):
        return f"target/{event.target}"
    return stream
