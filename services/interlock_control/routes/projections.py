"""/projections: how far the folds have come behind the log."""

import msgspec
from fastapi import APIRouter, Response

from interlock_control.plane import ControlPlane
from interlock_control.positions import wait_for
from interlock_control.reading import JSON, MinPosition


def router(plane: ControlPlane) -> APIRouter:
    """The routes of projections."""
    routes = APIRouter(prefix="/projections", tags=["projections"])

    @routes.get("")
    async def list_projections(min_position: MinPosition = None) -> Response:
        """Every projection with its position and how many events it is behind."""
        await wait_for(min_position, plane.routing)
        status = plane.routing.status()
        head = await plane.log.head()
        shows = msgspec.to_builtins(status) | {"head": head, "behind": max(0, head - status.position)}
        return Response(msgspec.json.encode([shows]), media_type=JSON)

    return routes
