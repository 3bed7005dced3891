"""/gateways: who serves, from which snapshot, and how old it is."""

from fastapi import APIRouter, Response

from interlock_control.plane import ControlPlane
from interlock_control.reading import At, MinPosition, read
from interlock_control.showing import Kind


def router(plane: ControlPlane) -> APIRouter:
    """The routes of gateways."""
    routes = APIRouter(prefix="/gateways", tags=["gateways"])

    @routes.get("")
    async def list_gateways(at: At = None, min_position: MinPosition = None) -> Response:
        """Every worker of every gateway, as it last reported."""
        return await read(plane, Kind.GATEWAYS, at, min_position)

    return routes
