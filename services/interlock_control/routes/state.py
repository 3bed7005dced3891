"""/state and /diff: the whole routing state at a place in time, and what two places show differently."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from interlock_control.past import Difference
from interlock_control.plane import ControlPlane
from interlock_control.positions import place_of
from interlock_control.reading import At, MinPosition, asked, read
from interlock_control.showing import Kind

Bound = Annotated[str, Query(description="a position, a distance (-15m), RFC 3339 or `now`")]


def router(plane: ControlPlane) -> APIRouter:
    """The routes of the whole state."""
    routes = APIRouter(tags=["state"])

    @routes.get("/state")
    async def whole_state(at: At = None, min_position: MinPosition = None) -> Response:
        """Targets, pools, providers and gateways at one position."""
        return await read(plane, Kind.STATE, at, min_position)

    @routes.get("/diff")
    async def what_differs(from_: Annotated[Bound, Query(alias="from")], to: Bound = "now") -> Response:
        """What is different at `to` from what was at `from`."""
        question = Difference(
            before=await place_of(from_, plane),
            after=await place_of(to, plane),
            generation=plane.routing.status().generation,
        )
        return await asked(plane, question)

    return routes
