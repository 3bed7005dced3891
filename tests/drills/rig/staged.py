"""What every runbook drill has around its trouble: a cell that serves, clients that never stop, and the page.

Rule: clients ask all gateways the whole time, and each answer that was not 200 is told; that inference goes
on is the first thing that a runbook promises. Steps named `check...` are asked again until they say what the
page says, as people would; every other step is run once and must end well.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx2
from msgspec import Struct, field

from interlock_testing.running import asking
from interlock_testing.waiting import WaitedInVain, until
from tests.drills.rig.compose import TOKEN, ComposedCell, Ran
from tests.drills.rig.report import Findings
from tests.drills.rig.runbook import Block

SERVING: Final = ("control", "projector-1", "projector-2", "gateway-1", "gateway-2")
GATEWAYS: Final = ("gateway-1", "gateway-2")
SETTLED_S: Final = 90.0
"""For a check to become true on a machine that does other things too."""
BETWEEN_S: Final = 0.1


class Asked(Struct):
    """What the clients saw."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    """By gateway: the snapshot that its last answer was routed from."""
    targets: dict[str, str] = field(default_factory=dict)
    """By gateway: who gave its last answer."""

    def all_of(self, generation: int) -> bool:
        """Every gateway routes by that generation."""
        return all(self.snapshots.get(name, "").startswith(f"g{generation}:") for name in GATEWAYS)


class Stage:
    """A cell that serves, with its clients."""

    def __init__(self, cell: ComposedCell, findings: Findings) -> None:
        self.cell = cell
        self.findings = findings
        self.asked = Asked()
        self.away: set[str] = set()
        """Gateways that are meant to be away now."""

    def control(self) -> httpx2.AsyncClient:
        """A client of the admin API."""
        return httpx2.AsyncClient(
            base_url=f"{self.cell.services['control'].url}/admin/v1",
            timeout=30,
            trust_env=False,
            headers={"authorization": f"Bearer {TOKEN}"},
        )

    async def decide(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One command; its answer once it is public."""
        async with self.control() as http:
            answer = await http.put(path, json=dict(body))
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

    async def seen(self, path: str) -> Any:
        """One read."""
        async with self.control() as http:
            answer = await http.get(path)
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def binds_all(self, target: str, *, then: str) -> None:
        """A new decision comes into force at every gateway: one target is out, the other answers."""
        await self.decide(f"/targets/{target}/state", {"state": "disabled", "reason": "does it bind?"})

        def bound() -> bool:
            return all(self.asked.targets.get(name) == then for name in GATEWAYS)

        try:
            await until(bound, timeout_s=SETTLED_S, what="the next decision to bind all gateways")
        except WaitedInVain:
            self.findings.check("the next decision binds all gateways", held=False, seen=self.asked.targets)
        else:
            self.findings.check("the next decision binds all gateways", held=True)

    async def follow(self, blocks: Sequence[Block], step: str) -> str:
        """The blocks of one step, in order; everything that they printed."""
        told = ""
        for number, block in enumerate(blocks, 1):
            ran = (
                await self._settled(block)
                if step.startswith("check")
                else await self.cell.run(block.commands)
            )
            told += ran.out
            name = f"{step} {number} ends well and prints what the page says"
            held = ran.code == 0 and not block.unseen(ran.out)
            seen = f"exit code {ran.code}, not printed: {block.unseen(ran.out)}, printed: {ran.out[-1500:]}"
            self.findings.check(name, held=held, seen=seen)
        return told

    async def _settled(self, block: Block) -> Ran:
        ends = monotonic() + SETTLED_S
        while True:
            ran = await self.cell.run(block.commands)
            if (ran.code == 0 and not block.unseen(ran.out)) or monotonic() > ends:
                return ran
            await asyncio.sleep(1.0)

    async def ask(self, name: str) -> None:
        """One client of one gateway, for ever."""
        url = self.cell.services[name].url
        async with httpx2.AsyncClient(base_url=url, timeout=20, trust_env=False) as http:
            while True:
                await asyncio.sleep(BETWEEN_S)
                if name not in self.away:
                    await self._ask(name, http)

    async def _ask(self, name: str, http: httpx2.AsyncClient) -> None:
        try:
            answer = await http.post("/v1/chat/completions", content=asking())
        except httpx2.TransportError as error:
            if name not in self.away:
                self.asked.failed.append(f"{name}: {type(error).__name__}")
            return
        if answer.status_code == 200:
            self.asked.answered += 1
            self.asked.snapshots[name] = answer.headers["x-interlock-snapshot"]
            self.asked.targets[name] = answer.headers["x-interlock-target"]
        elif name not in self.away:
            self.asked.failed.append(f"{name}: {answer.status_code} {answer.text[:200]}")


@asynccontextmanager
async def serving(cell: ComposedCell, findings: Findings) -> AsyncIterator[Stage]:
    """Everything started and asked the whole time; at the end no answer failed and nothing left a trace."""
    await cell.start(SERVING)
    stage = Stage(cell, findings)
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        for name in GATEWAYS:
            answer = await http.post(f"{cell.services[name].url}/v1/chat/completions", content=asking())
            assert answer.status_code == 200, answer.text
    clients = [asyncio.create_task(stage.ask(name)) for name in GATEWAYS]
    try:
        yield stage
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        with contextlib.suppress(OSError):
            _judge(cell, stage, findings)


def _judge(cell: ComposedCell, stage: Stage, findings: Findings) -> None:
    failed = stage.asked.failed
    findings.counts["requests answered"] = findings.counts.get("requests answered", 0) + stage.asked.answered
    findings.check("every request of every client was answered", held=not failed, seen=failed[:5])
    findings.check("the clients asked the whole time", held=stage.asked.answered > len(GATEWAYS))
    logs = {
        name: Path(one.process.log_path).read_text(errors="replace") for name, one in cell.services.items()
    }
    traces = {name: log[log.index("Traceback") :][:1500] for name, log in logs.items() if "Traceback" in log}
    findings.check("no process left a trace", held=not traces, seen=traces)
