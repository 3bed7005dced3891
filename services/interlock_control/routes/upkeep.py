"""/healthz, /readyz and /metrics: for whoever watches the process, outside the admin API."""

import msgspec
from fastapi import APIRouter, Response

from interlock_control import metrics
from interlock_control.metrics import Labels, Sample
from interlock_control.plane import ControlPlane
from interlock_control.problem import Problem
from interlock_control.reading import JSON


def router(plane: ControlPlane) -> APIRouter:
    """The routes of upkeep."""
    routes = APIRouter(tags=["upkeep"])
    _measure(plane)

    @routes.get("/healthz")
    async def alive() -> Response:
        """The process answers; depends on nothing else."""
        return Response(b'{"status":"ok"}', media_type=JSON)

    @routes.get("/readyz")
    async def ready() -> Response:
        """The projection runs and was at the end of the log; out of reach since, reads say their age."""
        status = plane.routing.status()
        if plane.stopping.is_set():
            raise Problem(503, "not_ready", "this control plane is stopping: ask another one")
        if status.halted is not None:
            raise Problem(503, "not_ready", status.halted, position=status.position)
        return Response(
            msgspec.json.encode({"status": "ready", "position": status.position}), media_type=JSON
        )

    @routes.get("/metrics")
    async def exposition() -> Response:
        """Prometheus text format."""
        return Response(plane.metrics.text(), headers={"content-type": metrics.CONTENT_TYPE})

    return routes


def _measure(plane: ControlPlane) -> None:
    """What the projection tells, as gauges."""
    told = {
        "position": "Last log position whose rows are committed",
        "published": "Last log position in the state feed",
        "events": "Events folded since start",
        "commits": "View commits since start",
        "skipped": "Facts passed over because they could not be read",
        "repaired": "View rows that differed from the fold at start",
        "checkpoint": "Position of the newest checkpoint",
    }
    for name, text in told.items():
        plane.metrics.gauge(f"interlock_projection_{name}", text, _sample(plane, name))
    plane.metrics.gauge(
        "interlock_projection_age_seconds",
        "Since the projection was last seen to stand at the end of the log",
        lambda: {(): plane.routing.status().age_ms / 1000},
    )
    plane.metrics.gauge(
        "interlock_projection_halted",
        "1 when the projection stands still and needs somebody",
        lambda: {(): float(plane.routing.status().halted is not None)},
    )


def _sample(plane: ControlPlane, name: str) -> Sample:
    def now() -> dict[Labels, float]:
        status = plane.routing.status()
        return {(("projection", status.name),): getattr(status, name)}

    return now
