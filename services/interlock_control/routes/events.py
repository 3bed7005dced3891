"""/events: the log as it was recorded.

Rule: bodies go out as they are stored; a page joins bytes and decodes nothing. A page ends at a position, and
`next` (also as a Link header) goes on behind it. Dropped: offsets, which shift while the log grows.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from interlock_control.plane import ControlPlane
from interlock_control.positions import parse_moment, position_of, wait_for
from interlock_control.problem import invalid
from interlock_control.reading import Limit, MinPosition, Newest, Subject, joined, paged
from interlock_eventlog.queries import EventFilter, RawEvent

Bound = Annotated[str | None, Query(description="a position, a distance (-15m) or RFC 3339; inclusive")]


def router(plane: ControlPlane) -> APIRouter:
    """The routes of the log."""
    routes = APIRouter(prefix="/events", tags=["events"])

    @routes.get("")
    async def list_events(
        request: Request,
        *,
        stream: str | None = None,
        type: str | None = None,
        subject: Subject = None,
        from_: Annotated[Bound, Query(alias="from")] = None,
        to: Bound = None,
        after: Annotated[int, Query(ge=0, description="the `next` of the page before")] = 0,
        limit: Limit = 100,
        newest: Newest = False,
        min_position: MinPosition = None,
    ) -> Response:
        """Recorded events, oldest first (or `newest=true`), envelopes with position and time."""
        await wait_for(min_position, plane)
        wanted = EventFilter(
            stream=stream,
            subject=subject,
            type=type,
            after=after,
            limit=limit,
            newest=newest,
            **await _bound("from", from_, plane),
            **await _bound("to", to, plane),
        )
        page = await plane.log.find(wanted)
        more = page[-1].position if len(page) == limit else None
        return paged(request, joined([_record(raw) for raw in page]), "events", more)

    return routes


async def _bound(side: str, text: str | None, plane: ControlPlane) -> dict[str, Any]:
    """The filter's field for one bound: of positions or of time, as it was written."""
    if text is None:
        return {}
    position = await position_of(text, plane)
    if position is not None:
        return {f"{side}_position": position}
    moment = parse_moment(text, plane.clock.wall_ms())
    if moment is None:
        raise invalid(f"{side}={text!r} is no time: write a position (1042), a distance (-15m) or RFC 3339")
    return {f"{side}_ms": moment}


def _record(raw: RawEvent) -> bytes:
    """The envelope as stored, with its place in front."""
    place = b'{"position":%d,"recorded_ms":%d,' % (raw.position, raw.recorded_ms)
    return place + raw.body[raw.body.index(b"{") + 1 :]
