"""The control plane's HTTP application: routes over what it stands on, refusals as problems, its own metrics.

Rule: `build_app` wires and decides nothing; it opens nothing and may be called any number of times in a
process. Liveness depends on nothing; readiness on a running projection alone. Dropped: middleware classes,
because one function in the innermost place is enough to count.
"""

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response

from interlock_control import problem
from interlock_control.plane import ControlPlane
from interlock_control.routes import (
    config,
    events,
    feed,
    gateways,
    letters,
    pools,
    projections,
    providers,
    requests,
    state,
    targets,
    transitions,
    upkeep,
)
from interlock_control.token import guard

PREFIX: Final = "/admin/v1"
_RESOURCES: Final[tuple[Callable[[ControlPlane], APIRouter], ...]] = (
    targets.router,
    pools.router,
    providers.router,
    gateways.router,
    projections.router,
    events.router,
    transitions.router,
    requests.router,
    state.router,
    config.router,
    feed.router,
    letters.router,
)


def build_app(plane: ControlPlane, token: str | None = None) -> FastAPI:
    """The application over one control plane; with a token, only for those who show it."""
    app = FastAPI(
        title="Interlock control plane",
        version=version("interlock"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problem.install(app, plane.away)
    for router in _RESOURCES:
        app.include_router(router(plane), prefix=PREFIX)
    app.include_router(upkeep.router(plane))
    if token is not None:
        guard(app, token)
    _count(app, plane)
    return app


def _count(app: FastAPI, plane: ControlPlane) -> None:
    metrics = plane.metrics
    metrics.declare("interlock_control_requests_total", "Requests answered, by route and status")
    metrics.declare("interlock_control_seconds_total", "Time spent answering, by route")

    @app.middleware("http")
    async def counted(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await answer(request)
        route = getattr(request.scope.get("route"), "path", "none")
        metrics.add(
            "interlock_control_requests_total",
            method=request.method,
            route=route,
            status=str(response.status_code),
        )
        metrics.add("interlock_control_seconds_total", time.perf_counter() - began, route=route)
        return response
