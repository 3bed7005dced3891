"""/pools: the public model names, their members, and what operators do to a pool or to one member of it."""

from fastapi import APIRouter, Response

from interlock_control.bodies import StateBody
from interlock_control.caller import WriteCaller
from interlock_control.plane import ControlPlane
from interlock_control.reading import At, MinPosition, read
from interlock_control.showing import Kind
from interlock_control.writing import carried_out
from interlock_domain.catalog.commands import SetMemberState, SetPoolState


def router(plane: ControlPlane) -> APIRouter:
    """The routes of pools."""
    routes = APIRouter(prefix="/pools", tags=["pools"])

    @routes.get("")
    async def list_pools(at: At = None, min_position: MinPosition = None) -> Response:
        """Every pool with its members as text requests see them, now or at a place in time."""
        return await read(plane, Kind.POOLS, at, min_position)

    @routes.put("/{pool}/state")
    async def set_state(pool: str, body: StateBody, caller: WriteCaller) -> Response:
        """Enable, disable or drain a pool."""
        command = SetPoolState(pool=pool, state=body.state, expires_in_ms=body.expires_in_ms)
        return await carried_out(plane, command, caller, body.reason)

    @routes.put("/{pool}/members/{id:path}/state")
    async def set_member_state(pool: str, id: str, body: StateBody, caller: WriteCaller) -> Response:
        """Enable, disable or drain one candidate of this pool; elsewhere the target is untouched."""
        command = SetMemberState(pool=pool, target=id, state=body.state, expires_in_ms=body.expires_in_ms)
        return await carried_out(plane, command, caller, body.reason)

    return routes
