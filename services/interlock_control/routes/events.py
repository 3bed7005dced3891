"""/events: the log as it was recorded, and /transitions: what the fold observed in it.

Rule: bodies go out as they are stored; a page joins bytes and decodes nothing. A page ends at a position, and
`next` (also as a Link header) goes on behind it. Dropped: offsets, which shift while the log grows.
"""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request, Response

from interlock_control.plane import ControlPlane
from interlock_control.positions import parse_moment, parse_position, wait_for
from interlock_control.problem import invalid
from interlock_control.reading import JSON, MinPosition, joined
from interlock_eventlog.queries import EventFilter, RawEvent

MOST: Final = 1_000
"""Records a page: about 400 KB, a few milliseconds of the database's reader."""

Limit = Annotated[int, Query(ge=1, le=MOST)]
Subject = Annotated[
    str | None, Query(description="what it is about: target/<id>, provider/<name>, pool/<name> ..")
]
Newest = Annotated[bool, Query(description="newest first; pages then go back in time")]
Bound = Annotated[str | None, Query(description="a position, a distance (-15m) or RFC 3339; inclusive")]


def router(plane: ControlPlane) -> APIRouter:
    """The routes of the log."""
    routes = APIRouter(tags=["events"])

    @routes.get("/events")
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
        await wait_for(min_position, plane.routing)
        wanted = EventFilter(
            stream=stream,
            subject=subject,
            type=type,
            after=after,
            limit=limit,
            newest=newest,
            **_bound("from", from_, plane),
            **_bound("to", to, plane),
        )
        page = await plane.log.find(wanted)
        more = page[-1].position if len(page) == limit else None
        return _paged(request, joined([_record(raw) for raw in page]), "events", more)

    @routes.get("/transitions")
    async def list_transitions(
        request: Request,
        *,
        subject: Subject = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Limit = 100,
        newest: Newest = False,
        min_position: MinPosition = None,
    ) -> Response:
        """What the fold observed, with the positions of its evidence; a page never splits a position."""
        await wait_for(min_position, plane.routing)
        page = await plane.views.transitions(subject=subject, after=after, limit=limit, newest=newest)
        more = page[-1].position if len(page) >= limit else None
        return _paged(request, msgspec.json.encode(page), "transitions", more)

    return routes


def _bound(side: str, text: str | None, plane: ControlPlane) -> dict[str, Any]:
    """The filter's field for one bound: of positions or of time, as it was written."""
    if text is None:
        return {}
    position = parse_position(text)
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


def _paged(request: Request, items: bytes, name: str, more: int | None) -> Response:
    following = b"null" if more is None else b"%d" % more
    response = Response(b'{"%s":%s,"next":%s}' % (name.encode(), items, following), media_type=JSON)
    if more is not None:
        query = dict(request.query_params) | {"after": str(more)}
        response.headers["link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return response
