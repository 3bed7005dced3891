"""Eligibility for people: what `/v1/models`, admin views and preflight show, by the same function.

Rule: a view asks `standing` without an asker: no seed is drawn, no probe given away, no counter
moved, so reading changes nothing. A ramp shows as `ramping`, a rest that waits for its probe as
`half_open`. Dropped: a status field kept beside the rows for views, because two sources of one
truth are how a cooled target comes to read as healthy.
"""

from collections.abc import Mapping

from interlock_domain.routing.arrange import candidate, cap_held
from interlock_domain.routing.decision import Candidate
from interlock_domain.routing.eligibility import STALE_AFTER_MS, Hold, Moment, Standing, standing
from interlock_domain.routing.lane import LaneKey, compile_entry, compile_lane
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_domain.words import Api, Shape

_NEEDS: Mapping[Shape, tuple[str, ...]] = {
    Shape.TEXT: (),
    Shape.TOOLS: ("tools",),
    Shape.VISION: ("vision",),
    Shape.TOOLS_VISION: ("tools", "vision"),
    Shape.EMBEDDINGS: (),
}


def pool_view(
    snapshot: Snapshot,
    pool: str,
    shape: Shape,
    as_of_ms: int,
    *,
    fingerprints: Mapping[str, str] | None = None,
) -> tuple[Candidate, ...]:
    """Every member of a pool in pool order, rules of the pool included; () for an unknown pool.

    `fingerprints` None: any quarantine of a provider counts, whatever credential is in use.
    """
    compiled = snapshot.resolve(pool)
    if compiled is None:
        return ()
    lane = compile_lane(compiled, _view_key(shape))
    moment = _moment(snapshot, as_of_ms, fingerprints)
    standings = [standing(entry, compiled.row, moment) for entry in lane.entries]
    held = cap_held(lane, standings)
    return tuple(
        candidate(entry.member.target.id, found, held=place in held)
        for place, (entry, found) in enumerate(zip(lane.entries, standings, strict=True))
    )


def target_view(
    snapshot: Snapshot,
    target: str,
    shape: Shape,
    as_of_ms: int,
    *,
    fingerprints: Mapping[str, str] | None = None,
) -> Candidate | None:
    """A target by itself, before any rule of a pool (member state, floor, cap); None: unknown."""
    compiled = snapshot.compiled_target(target)
    if compiled is None:
        return None
    entry = compile_entry(snapshot.member(compiled), _view_key(shape))
    return candidate(target, standing(entry, None, _moment(snapshot, as_of_ms, fingerprints)))


def pool_serves(snapshot: Snapshot, pool: str, as_of_ms: int | None = None) -> bool:
    """Should `/v1/models` list the pool: is any member not hard-excluded (at the commit's own time)?"""
    compiled = snapshot.resolve(pool)
    if compiled is None:
        return False
    moment = _moment(snapshot, snapshot.log_ms if as_of_ms is None else as_of_ms, None)
    lane = compile_lane(compiled, _view_key(Shape.TEXT))
    return any(_may_return(standing(entry, compiled.row, moment)) for entry in lane.entries)


def _may_return(found: Standing) -> bool:
    return found.worst is not Hold.HARD


def _view_key(shape: Shape) -> LaneKey:
    """Operators ask no API in particular, except that embeddings are an API of their own."""
    return (Api.EMBEDDINGS if shape is Shape.EMBEDDINGS else None, shape, _NEEDS[shape])


def _moment(snapshot: Snapshot, as_of_ms: int, fingerprints: Mapping[str, str] | None) -> Moment:
    return Moment(
        as_of_ms=as_of_ms,
        stale=as_of_ms - snapshot.log_ms > STALE_AFTER_MS,
        fingerprints=fingerprints,
    )
