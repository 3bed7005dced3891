"""The whole circle with every service a process of its own, over a real Kafka and a real PostgreSQL."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from interlock_testing.behaviour import fail, healthy
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.cell import Cell, ControlProcess, GatewayProcess

LONG_S = 60.0
REST = "{cooldown: {initial: 300s}, budgets: {retry_floor_per_s: 100}}"
"""Long enough that nothing returns by itself while a busy machine makes this test slow."""


async def shown(control: ControlProcess, target: str) -> dict[str, Any]:
    """What the control plane says of a target; empty while it cannot answer."""
    answer = await control.http.get("/targets")
    listed = answer.json() if answer.status_code == 200 else []
    return next((one for one in listed if one["id"] == target), {})


async def position(gateway: GatewayProcess) -> int:
    """The log position of the snapshot that a gateway routes by."""
    page = (await gateway.http.get("/metrics")).text
    found = re.search(r"^interlock_snapshot_position(?:\{[^}]*\})? (\S+)$", page, re.MULTILINE)
    return int(float(found.group(1))) if found else 0


async def until_served_by(gateway: GatewayProcess, target: str, what: str) -> None:
    """Until a request at that gateway is answered by the target at the first attempt."""

    async def served() -> bool:
        answer = await gateway.chat()
        return (answer.headers.get("x-interlock-target"), answer.headers["x-interlock-attempts"]) == (
            target,
            "1",
        )

    await until(served, timeout_s=LONG_S, what=what)


@pytest.mark.timeout(300)
async def test_what_one_gateway_saw_excludes_the_target_at_another_until_an_operator_ends_it(
    tmp_path: Path, kafka: Any, topics: Any, database_url: str
):
    cell = Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)
    async with AsyncExitStack() as stack:
        atlas = await stack.enter_async_context(SimulatedProvider("atlas"))
        breeze = await stack.enter_async_context(SimulatedProvider("breeze"))
        config = tmp_path / "interlock.yaml"
        config.write_text(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=REST))
        one, two = cell.gateway("gw-1"), cell.gateway("gw-2")
        control = cell.control("control", "--config", str(config))
        projector = cell.projector("projector")
        await asyncio.gather(*(stack.enter_async_context(part) for part in (control, projector, one, two)))
        await asyncio.gather(one.ready(), two.ready())

        atlas.behaviour = fail(500)
        for _ in range(4):
            assert (await one.chat()).status_code == 200
        seen = atlas.attempts
        cooled = await until(
            lambda: _state(control, "soft_excluded"), timeout_s=LONG_S, what="the cooldown to be shown"
        )
        assert cooled["reasons"]
        cause = max(shape["cause"] or 0 for shape in cooled["shapes"].values())
        assert cause > 0
        await until(lambda: _reached(two, cause), timeout_s=LONG_S, what="gateway 2 to hold the cooldown")
        await until_served_by(two, "breeze/large", "gateway 2 to leave the target out")
        assert atlas.attempts == seen, "gateway 2 never had to find out for itself"

        atlas.behaviour = healthy()
        ended = await control.http.delete("/targets/atlas/large/cooldown")
        assert ended.status_code == 200, ended.text
        told = ended.json()["position"]
        assert told.startswith("j")
        await until(lambda: _shows(control, told), timeout_s=LONG_S, what="the end of it to be shown")
        for gateway in (one, two):
            await until_served_by(gateway, "atlas/large", f"{gateway.name} to use the target again")
    for part in (one.process, two.process, projector, control.process):
        assert part.exit_status() == 0, part.log()[-2000:]
        assert "Traceback" not in part.log()


async def _state(control: ControlProcess, wanted: str) -> dict[str, Any]:
    found = await shown(control, "atlas/large")
    return found if found.get("state") == wanted else {}


async def _shows(control: ControlProcess, told: str) -> bool:
    """A read waits 3 s for a position, a busy machine may take longer."""
    answer = await control.http.get("/targets", params={"min_position": told})
    assert answer.status_code in {200, 503}, answer.text
    return answer.status_code == 200


async def _reached(gateway: GatewayProcess, wanted: int) -> bool:
    return await position(gateway) >= wanted
