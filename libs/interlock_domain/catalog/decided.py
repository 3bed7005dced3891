"""The two answers to a command: events for streams, or a refusal that says what to do instead."""

from enum import StrEnum

from msgspec import Struct

from interlock_domain.events import Decision


class StreamEvents(Struct, frozen=True, kw_only=True):
    """Events for one stream, in order; all streams of a decision are appended together."""

    stream: str
    events: tuple[Decision, ...]


class RejectedWhy(StrEnum):
    """Why a command is refused."""

    UNKNOWN_PROVIDER = "unknown_provider"
    UNKNOWN_TARGET = "unknown_target"
    UNKNOWN_POOL = "unknown_pool"
    UNKNOWN_MEMBER = "unknown_member"
    UNKNOWN_SHAPE = "unknown_shape"
    BAD_DURATION = "bad_duration"
    STALE_REVISION = "stale_revision"
    TOO_MANY_REMOVED = "too_many_removed"


class Rejected(Struct, frozen=True, kw_only=True):
    """Nothing was changed; the hint says what to do."""

    reason: RejectedWhy
    message: str
    hint: str = ""


Decided = tuple[StreamEvents, ...] | Rejected
