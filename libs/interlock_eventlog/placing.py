"""Where an append's events go: version checks, batch parts, repeats. Pure; adapters do the I/O.

Rule: the answer depends on the streams' versions alone, so every adapter that holds its log while
it asks (a transaction, one loop step) gives the same answer. Appends of one call are judged in
order: a second one for the same stream sees the first one's events.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from interlock_domain.recorded import BatchPart, NewEvent
from interlock_eventlog.log import Appended, ReusedId, StreamAppend, VersionConflict


class Placed(Struct, frozen=True, kw_only=True):
    """One event with its place in its stream and in its batch."""

    stream: str
    version: int
    batch: BatchPart
    new: NewEvent


class Plan(Struct, frozen=True, kw_only=True):
    """What to write, in order, and the streams' versions afterwards."""

    placed: tuple[Placed, ...]
    versions: dict[str, int]


def plan_append(appends: Sequence[StreamAppend], version_of: Callable[[str], int]) -> Plan | VersionConflict:
    """Check every expected version and give each event its place."""
    ids = [new.id for one in appends for new in one.events]
    if len(set(ids)) != len(ids):
        raise ReusedId("an append names one id twice")
    versions: dict[str, int] = {}
    placed: list[Placed] = []
    for one in appends:
        version = versions[one.stream] if one.stream in versions else version_of(one.stream)
        if one.expected_version is not None and one.expected_version != version:
            return VersionConflict(stream=one.stream, expected=one.expected_version, actual=version)
        for new in one.events:
            version += 1
            part = BatchPart(id=ids[0], index=len(placed), size=len(ids))
            placed.append(Placed(stream=one.stream, version=version, batch=part, new=new))
        versions[one.stream] = version
    return Plan(placed=tuple(placed), versions=versions)


class Place(Struct, frozen=True):
    """Where a recorded event stands."""

    position: int
    stream: str
    version: int | None


def repeated_append(
    appends: Sequence[StreamAppend], place_of: Callable[[str], Place | None]
) -> Appended | None:
    """The answer to an append that was made before, known by its first id; None for a new one."""
    ids = [new.id for one in appends for new in one.events]
    places = [place for place in map(place_of, ids) if place is not None]
    if not places:
        return None
    if len(places) != len(ids):
        raise ReusedId("some ids of this append are in the log already and others are not")
    versions = {place.stream: place.version or 0 for place in places}
    return Appended(position=places[-1].position, versions=versions, repeated=True)
