"""/targets: how every target is, and what operators do to one: state, cooldown.

Rule: ids contain slashes and stand in the path as they are.
"""

from fastapi import APIRouter, Response

from interlock_control.bodies import CooldownBody, LiftBody, StateBody
from interlock_control.caller import WriteCaller, tagged
from interlock_control.plane import ControlPlane
from interlock_control.positions import wait_for
from interlock_control.problem import not_found
from interlock_control.reading import At, MinPosition, read, scene_told
from interlock_control.showing import Kind, effective_in, show_target
from interlock_control.writing import carried_out
from interlock_domain.catalog.commands import LiftCooldown, SetCooldown, SetTargetState


def router(plane: ControlPlane) -> APIRouter:
    """The routes of targets."""
    routes = APIRouter(prefix="/targets", tags=["targets"])

    @routes.get("")
    async def list_targets(at: At = None, min_position: MinPosition = None) -> Response:
        """Every target with its state, reasons, shapes and pools, now or at a place in time."""
        return await read(plane, Kind.TARGETS, at, min_position)

    @routes.put("/{id:path}/state")
    async def set_state(id: str, body: StateBody, caller: WriteCaller) -> Response:
        """Enable, disable or drain a target, in every pool."""
        command = SetTargetState(target=id, state=body.state, expires_in_ms=body.expires_in_ms)
        return await carried_out(plane, command, caller, body.reason)

    @routes.put("/{id:path}/cooldown")
    async def cool(id: str, body: CooldownBody, caller: WriteCaller) -> Response:
        """Rest a target for a while; shape `*` rests all of its shapes."""
        command = SetCooldown(target=id, duration_ms=body.duration_ms, shape=body.shape)
        return await carried_out(plane, command, caller, body.reason)

    @routes.delete("/{id:path}/cooldown")
    async def lift(id: str, caller: WriteCaller, body: LiftBody | None = None) -> Response:
        """End the rests of a target, learned ones included."""
        asked = body or LiftBody()
        return await carried_out(plane, LiftCooldown(target=id, shape=asked.shape), caller, asked.reason)

    @routes.get("/{id:path}")
    async def one_target(id: str, min_position: MinPosition = None) -> Response:
        """One target; its ETag is the version for If-Match."""
        await wait_for(min_position, plane)
        scene = plane.now.scene()
        if scene.snapshot is None or id not in scene.snapshot.targets:
            raise not_found(f"target {id}", "see GET /admin/v1/targets")
        shows = show_target(scene, id, effective_in(scene, id))
        return tagged(scene_told(plane, scene, shows), scene.state.versions.get(f"target/{id}", 0))

    return routes
