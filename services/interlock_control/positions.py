"""Places in time: what `T` may be, and reads that wait for a position.

Rule: T is a position (`1042`, `j1042`, `g1:1042`), a moment (RFC 3339), a distance from now (`-15m`) or
`now`; a moment becomes the position of the last event recorded at or before it. A wait for a position is
bounded; when it is over the answer is a problem with Retry-After, never an old view with a new name.
"""

import re
from datetime import UTC, datetime
from typing import Final

from interlock_control.clock import Clock
from interlock_control.place import Place
from interlock_control.problem import Problem, invalid
from interlock_eventlog.log import EventLog
from interlock_views.live import RoutingState

WAIT_S: Final = 3.0
"""How long a read waits for its position: thirty times what a fold and a commit take."""

_POSITION: Final = re.compile(r"(?:j|g(?P<generation>\d+):)?(?P<position>\d+)")
_DISTANCE: Final = re.compile(r"-(?P<amount>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MOST_DIGITS: Final = 18
"""More do not fit the store's 64 bits."""


def parse_position(text: str) -> int | None:
    """The position a text names, or None when it is no position."""
    found = _POSITION.fullmatch(text)
    if found is None or len(found["position"]) > _MOST_DIGITS:
        return None
    return int(found["position"])


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


async def place_of(text: str, log: EventLog, clock: Clock) -> Place:
    """The place that T names; a place after the end of the log is refused."""
    position = parse_position(text)
    if position is not None:
        head = await log.head()
        if position > head:
            raise invalid(f"position {position} is not in the log yet, which ends at {head}", head=head)
        return Place(position=position)
    moment = parse_moment(text, clock.wall_ms())
    if moment is None:
        raise invalid(
            f"{text!r} is no time: write a position (1042), a distance (-15m) or RFC 3339 (2026-11-21T14:02Z)"
        )
    return Place(position=await log.position_at(moment), moment_ms=moment)


async def wait_for(min_position: str | None, routing: RoutingState) -> None:
    """Wait until the projection has passed `min_position`; a problem when it does not in time."""
    if min_position is None:
        return
    position = parse_position(min_position)
    if position is None:
        raise invalid(f"min_position {min_position!r} is no position: write 1042 or j1042")
    if not await routing.wait_position(position, WAIT_S):
        at = routing.status().position
        raise Problem(
            503,
            "not_projected",
            f"the projection stands at {at} and did not reach {position} within {WAIT_S:g} s: ask again, "
            "or look at GET /admin/v1/projections",
            headers={"retry-after": "1"},
            position=at,
        )
