"""The whole circle of a cell while nothing of ours is broken: a control plane, projectors and gateways.

Rule: what breaks in these drills is the world around (a target, a broker, a route), so every process must
still run at the end, and must end cleanly when it is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from msgspec import Struct

from interlock_testing.waiting import ServerProcess, free_port
from tests.drills.rig.cell import Cell, ControlProcess, GatewayProcess
from tests.drills.rig.report import Findings

MOST: Final = 1_000
"""Transitions in one answer; no drill makes as many."""


class Parts(Struct, frozen=True, kw_only=True):
    """How many of which services."""

    gateways: int = 4
    projectors: int = 2
    reactors: bool = False
    """Without them nobody keeps request records or tells transitions."""


FULL: Final = Parts()


class Circle(Struct, frozen=True, kw_only=True):
    """The running services."""

    cell: Cell
    control: ControlProcess
    projectors: tuple[ServerProcess, ...]
    gateways: tuple[GatewayProcess, ...]
    reactors: tuple[ServerProcess, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        """Where clients ask."""
        return tuple(gateway.url for gateway in self.gateways)

    @property
    def processes(self) -> dict[str, ServerProcess]:
        """Every process by name."""
        named = {"control": self.control.process}
        named |= {f"projector-{n}": one for n, one in enumerate(self.projectors)}
        named |= {f"reactors-{n}": one for n, one in enumerate(self.reactors)}
        return named | {one.name: one.process for one in self.gateways}

    async def transitions(self, kind: str = "") -> list[dict[str, Any]]:
        """What the fold observed, oldest first; empty while the control plane cannot answer."""
        answer = await self.control.http.get("/transitions", params={"limit": MOST})
        found: list[dict[str, Any]] = answer.json()["transitions"] if answer.status_code == 200 else []
        return sorted((one for one in found if kind in ("", one["kind"])), key=lambda one: one["position"])


@asynccontextmanager
async def running_circle(
    cell: Cell,
    config: str,
    parts: Parts = FULL,
    *,
    variables: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Circle]:
    """Start everything and wait until every gateway is ready; `variables` of single gateways by name."""
    path = cell.folder / "interlock.yaml"
    path.write_text(config, encoding="utf-8")
    given = variables or {}
    circle = Circle(
        cell=cell,
        control=cell.control("control", "--config", str(path)),
        projectors=tuple(cell.projector(f"projector-{n}") for n in range(parts.projectors)),
        gateways=tuple(_gateway(cell, f"gw-{n}", given.get(f"gw-{n}", {})) for n in range(parts.gateways)),
        reactors=(cell.process("reactors", "reactors", port=free_port()),) if parts.reactors else (),
    )
    async with AsyncExitStack() as stack:
        await asyncio.gather(
            stack.enter_async_context(circle.control),
            *(stack.enter_async_context(one) for one in (*circle.projectors, *circle.reactors)),
            *(stack.enter_async_context(gateway) for gateway in circle.gateways),
        )
        await asyncio.gather(*(gateway.ready() for gateway in circle.gateways))
        yield circle


def _gateway(cell: Cell, name: str, variables: Mapping[str, str]) -> GatewayProcess:
    more: dict[str, Any] = dict(variables)
    return cell.gateway(name, **more)


def judge_ends(circle: Circle, findings: Findings) -> None:
    """After the circle was left: every process lived until it was asked to end, and said nothing wild."""
    for name, process in circle.processes.items():
        clean = process.exit_status() == 0
        findings.check("every process ended cleanly", held=clean, seen=(name, process.exit_status()))
        silent = "Traceback" not in process.log()
        findings.check("nobody printed a traceback", held=silent, seen=(name, process.log()[-600:]))
