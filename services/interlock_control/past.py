"""The past, folded again: the state at a place, what differs between two, and explanations of requests.

Rule: pure over ports, so the same functions run in the child process over a read-only file and in tests
over memory. The fold starts at the nearest checkpoint at or before the place; answers are bytes, because
they cross a process border and go to the client as they are. A place inside a batch of decisions is the
state before it, and every answer names the position that it really shows.
"""

from typing import Final

import msgspec
from msgspec import Struct

from interlock_control.differing import difference
from interlock_control.explained import request_answer
from interlock_control.place import Place, parse_version
from interlock_control.scene import Scene, scene_of
from interlock_control.showing import Kind, shown
from interlock_control.unbroken import PastGone
from interlock_domain.attempt.record import RequestRecord
from interlock_domain.projection.evolve import evolve
from interlock_domain.projection.state import State, empty_state
from interlock_domain.replay.explain import explain
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_eventlog.log import LogReader
from interlock_views.trusted import trusted_state
from interlock_views.views import Views

READ: Final = 2_000
"""Records a read: nobody else runs on this loop, so only memory speaks against more."""


class StateAt(Struct, frozen=True, kw_only=True):
    """What one resource showed at a place."""

    kind: Kind
    place: Place
    generation: int


class Difference(Struct, frozen=True, kw_only=True):
    """What two places show differently."""

    before: Place
    after: Place
    generation: int


class Explain(Struct, frozen=True, kw_only=True):
    """Why a request went where it went, and whether that follows from the log."""

    record: RequestRecord


Question = StateAt | Difference | Explain


class Told(Struct, frozen=True, kw_only=True):
    """An answer from the past: JSON, the position that it shows and the log time it was read at."""

    body: bytes
    position: int
    as_of_ms: int


async def answer(log: LogReader, views: Views, projection: str, question: Question) -> Told:
    """Fold, and tell."""
    match question:
        case StateAt():
            scene = await _scene(log, views, projection, question.place, question.generation)
            return _told(shown(scene, question.kind), scene)
        case Difference():
            before = await _scene(log, views, projection, question.before, question.generation)
            after = await _scene(log, views, projection, question.after, question.generation)
            return _told(difference(before, after), after)
        case Explain():
            return await _explained(log, views, projection, question.record)


async def fold_to(log: LogReader, views: Views, projection: str, position: int) -> State:
    """The state at a position, from the nearest trusted checkpoint; earlier when the log ends before."""
    state = trusted_state(await views.checkpoint(projection, at_or_before=position)) or empty_state()
    read = state.position
    while read < position and state.gap is None:
        records = await log.read(after=read, limit=min(READ, position - read))
        for record in records:
            if record.position > position:
                return state
            evolve(state, record)
        if not records:
            return state
        read = records[-1].position
    return state


async def _scene(log: LogReader, views: Views, projection: str, place: Place, generation: int) -> Scene:
    state = await fold_to(log, views, projection, place.position)
    as_of_ms = (
        state.log_ms
        if place.moment_ms is None
        else max(state.log_ms, place.moment_ms + state.clock.offset_ms)
    )
    return scene_of(state, as_of_ms, generation=generation)


async def _explained(log: LogReader, views: Views, projection: str, record: RequestRecord) -> Told:
    version = parse_version(record.snapshot)
    snapshot: Snapshot | None = None
    if version is not None and version[1] <= await log.head():
        generation, position = version
        state = await _still_there(log, views, projection, position)
        if state is not None and state.position == position:
            snapshot = scene_of(state, state.log_ms, generation=generation).snapshot
    shows = request_answer(record, explain(snapshot, record))
    return Told(
        body=msgspec.json.encode(shows),
        position=version[1] if version is not None else 0,
        as_of_ms=record.inputs.as_of_ms,
    )


async def _still_there(log: LogReader, views: Views, projection: str, position: int) -> State | None:
    """None when retention has taken it: the request is shown then, without a proof."""
    try:
        return await fold_to(log, views, projection, position)
    except PastGone:
        return None


def _told(shows: object, scene: Scene) -> Told:
    return Told(body=msgspec.json.encode(shows), position=scene.state.position, as_of_ms=scene.as_of_ms)
