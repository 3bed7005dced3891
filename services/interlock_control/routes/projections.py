"""/projections: how far the folds have come behind the log, and which of them is in force."""

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from interlock_control.caller import WriteCaller
from interlock_control.plane import ControlPlane
from interlock_control.positions import wait_for
from interlock_control.promoting import promote, roll_back, shown
from interlock_control.reading import JSON, MinPosition


class PromoteBody(BaseModel):
    """`accept_differences`: the rebuild's rows are meant to differ from those in force."""

    model_config = ConfigDict(extra="forbid")

    accept_differences: bool = False


def router(plane: ControlPlane) -> APIRouter:
    """The routes of projections."""
    routes = APIRouter(prefix="/projections", tags=["projections"])

    @routes.get("")
    async def list_projections(min_position: MinPosition = None) -> Response:
        """Every projection with its position and how many events it is behind; the one in force first."""
        await wait_for(min_position, plane)
        return Response(msgspec.json.encode(await shown(plane)), media_type=JSON)

    @routes.post("/{name}/promote")
    async def put_in_force(name: str, caller: WriteCaller, body: PromoteBody | None = None) -> Response:
        """Put a rebuild in force: gateways, effects and readers go by it from now on."""
        anyway = body is not None and body.accept_differences
        moved = await promote(plane, name, by=caller.actor, anyway=anyway)
        return Response(msgspec.json.encode(moved), media_type=JSON)

    @routes.post("/{name}/rollback")
    async def put_back(name: str, caller: WriteCaller) -> Response:
        """Take this projection, which is in force, out of it again: the one before is put back."""
        moved = await roll_back(plane, name, by=caller.actor)
        return Response(msgspec.json.encode(moved), media_type=JSON)

    return routes
