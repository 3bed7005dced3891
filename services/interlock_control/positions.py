"""Places in time: what `T` may be, and reads that wait for a position.

Rule: T is a position (`1042`, `j1042`, `g1:1042`), a moment (RFC 3339), a distance from now (`-15m`) or
`now`; a moment becomes the position of the last event recorded at or before it. A journal's position becomes
that of the log's copy as soon as there is one. A wait for a position is bounded; when it is over the answer
is a problem with Retry-After, never an old view with a new name.
"""

import re
from datetime import UTC, datetime
from typing import Final

from interlock_control.clock import Clock
from interlock_control.place import Count, Place, Position, parse_position
from interlock_control.plane import ControlPlane
from interlock_control.problem import Problem, invalid

WAIT_S: Final = 3.0
"""How long a read waits for its position: thirty times what a relay, a fold and a commit take."""

_DISTANCE: Final = re.compile(r"-(?P<amount>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_moment(text: str, now_ms: int) -> int | None:
    """The moment (wall ms) a text names, or None when it is no moment."""
    if text == "now":
        return now_ms
    found = _DISTANCE.fullmatch(text)
    if found is not None:
        return now_ms - int(float(found["amount"]) * _UNIT_MS[found["unit"]])
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query arrives as a space
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def moment_of(text: str | None, clock: Clock) -> int | None:
    """The moment a text names; None for None, a problem when it is no moment."""
    if text is None:
        return None
    moment = parse_moment(text, clock.wall_ms())
    if moment is None:
        raise invalid(f"{text!r} is no time: write a distance (-15m) or RFC 3339 (2026-11-21T14:02:00Z)")
    return moment


def shown_position(plane: ControlPlane, position: int) -> int | str:
    """Where a write stands, as it is told: `j<n>` where the journal is a count of its own."""
    return position if plane.journal is None else f"j{position}"


async def position_of(text: str, plane: ControlPlane) -> int | None:
    """The log position that a text names; None when it is no position, a problem when it is not there yet."""
    wanted = parse_position(text)
    if wanted is None:
        return None
    at = await _in_log(wanted, plane, plane.clock.monotonic() + WAIT_S)
    return 0 if at is None else at


async def place_of(text: str, plane: ControlPlane) -> Place:
    """The place that T names; a place after the end of the log is refused."""
    position = await position_of(text, plane)
    if position is not None:
        head = await plane.log.head()
        if position > head:
            raise invalid(f"position {position} is not in the log yet, which ends at {head}", head=head)
        return Place(position=position)
    moment = parse_moment(text, plane.clock.wall_ms())
    if moment is None:
        raise invalid(
            f"{text!r} is no time: write a position (1042), a distance (-15m) or RFC 3339 (2026-11-21T14:02Z)"
        )
    return Place(position=await plane.log.position_at(moment), moment_ms=moment)


async def wait_for(min_position: str | None, plane: ControlPlane) -> None:
    """Wait until the projection has passed `min_position`; a problem when it does not in time."""
    if min_position is None:
        return
    wanted = parse_position(min_position)
    if wanted is None:
        raise invalid(f"min_position {min_position!r} is no position: write 1042, j1042 or g1:1042")
    if wanted.generation is not None and wanted.generation < plane.routing.status().generation:
        return  # what a later generation folds began behind everything of an earlier one
    deadline = plane.clock.monotonic() + WAIT_S
    position = await _in_log(wanted, plane, deadline)
    left = max(0.0, deadline - plane.clock.monotonic())
    if position is None or await plane.routing.wait_position(position, left):
        return
    at = plane.routing.status().position
    raise _not_yet(
        "not_projected",
        f"the projection stands at {at} and did not reach {position} within {WAIT_S:g} s: ask again, "
        "or look at GET /admin/v1/projections",
        at,
    )


async def _in_log(wanted: Position, plane: ControlPlane, deadline: float) -> int | None:
    """Where the log holds it; None for what every state holds. The generation must be ours."""
    generation = plane.routing.status().generation
    if wanted.generation not in {None, generation}:
        raise invalid(f"generation {wanted.generation} is not the one of this log, which is {generation}")
    if wanted.count is Count.LOG or plane.journal is None:
        return wanted.number
    if wanted.number == 0:
        return None
    left = max(0.0, deadline - plane.clock.monotonic())
    position = await plane.journal.log_position(wanted.number, left)
    if position is None:
        raise _not_yet(
            "not_published",
            f"decision j{wanted.number} did not reach the log within {WAIT_S:g} s: it is safe in the journal "
            "when a write was answered with it; ask again, and look whether Kafka can be reached",
            plane.routing.status().position,
        )
    return position


def _not_yet(kind: str, detail: str, at: int) -> Problem:
    return Problem(503, kind, detail, headers={"retry-after": "1"}, position=at)
