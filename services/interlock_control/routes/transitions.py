"""/transitions: what the fold observed, with the positions of its evidence.

Rule: with /events of the same subject this is the history of a target or a pool; both are ordered by
position.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from interlock_control.plane import ControlPlane
from interlock_control.positions import wait_for
from interlock_control.reading import Limit, MinPosition, Newest, Subject, paged


def router(plane: ControlPlane) -> APIRouter:
    """The routes of transitions."""
    routes = APIRouter(prefix="/transitions", tags=["events"])

    @routes.get("")
    async def list_transitions(
        request: Request,
        *,
        subject: Subject = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Limit = 100,
        newest: Newest = False,
        min_position: MinPosition = None,
    ) -> Response:
        """Observed changes; a page never splits a position, so it may hold a few more than `limit`."""
        await wait_for(min_position, plane)
        page = await plane.views.transitions(subject=subject, after=after, limit=limit, newest=newest)
        more = page[-1].position if len(page) >= limit else None
        return paged(request, msgspec.json.encode(page), "transitions", more)

    return routes
