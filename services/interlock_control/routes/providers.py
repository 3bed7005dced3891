"""/providers: the upstream accounts, their quarantines, and what operators do to one."""

from fastapi import APIRouter, Response

from interlock_control.bodies import StateBody
from interlock_control.caller import WriteCaller
from interlock_control.plane import ControlPlane
from interlock_control.reading import At, MinPosition, read
from interlock_control.showing import Kind
from interlock_control.writing import carried_out
from interlock_domain.catalog.commands import SetProviderState


def router(plane: ControlPlane) -> APIRouter:
    """The routes of providers."""
    routes = APIRouter(prefix="/providers", tags=["providers"])

    @routes.get("")
    async def list_providers(at: At = None, min_position: MinPosition = None) -> Response:
        """Every provider with its state and quarantines, now or at a place in time."""
        return await read(plane, Kind.PROVIDERS, at, min_position)

    @routes.put("/{id}/state")
    async def set_state(id: str, body: StateBody, caller: WriteCaller) -> Response:
        """Enable, disable or drain a provider with all its targets."""
        command = SetProviderState(provider=id, state=body.state, expires_in_ms=body.expires_in_ms)
        return await carried_out(plane, command, caller, body.reason)

    return routes
