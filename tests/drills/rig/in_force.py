"""Four gateways, two projectors and a control plane, each a process, and the moments at which snapshots bind.

Rule: when a snapshot came into force is what each gateway's own log says, in milliseconds, read once at the
end; when its commit was written is what a reader of the state topic saw. One machine, so there is one clock.
Dropped: asking the gateways while it is measured, which is load of another kind than theirs.
"""

import asyncio
import json
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from interlock_domain.rows import CommitRow
from interlock_feed.wire import decode
from interlock_runtime.kafka.reader import TopicReader
from interlock_testing.waiting import until
from tests.drills.rig.cell import Cell, ControlProcess, GatewayProcess

GATEWAYS: Final = 4
PROJECTORS: Final = 2
LATE_S: Final = 60.0
LOOK_S: Final = 0.2
"""Between two looks once the measuring is over: a log of minutes is read each time."""
IN_FORCE: Final = "is in force"

Moments = list[tuple[int, int]]
"""(log position, ms) in order."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What runs; `published` grows while commits are written."""

    control: ControlProcess
    gateways: Sequence[GatewayProcess]
    published: Moments = field(default_factory=list)

    async def until_in_force(self, position: int) -> None:
        """Until every gateway routes by a snapshot that contains this position."""
        await until(
            lambda: _after_a_while(all(newest(one) >= position for one in self.gateways)),
            timeout_s=LATE_S,
            what=f"all gateways to hold position {position}",
        )

    def moments(self) -> dict[str, Moments]:
        """What each gateway's log says."""
        return {one.name: moments(one) for one in self.gateways}


async def _after_a_while(found: bool) -> bool:
    await asyncio.sleep(0 if found else LOOK_S)
    return found


@asynccontextmanager
async def running(cell: Cell, config: str) -> AsyncIterator[Services]:
    """Everything started, with that configuration, and every gateway ready."""
    path = cell.folder / "interlock.yaml"
    path.write_text(config, encoding="utf-8")
    control = cell.control("control", "--config", str(path))
    gateways = [cell.gateway(f"gw-{n}", INTERLOCK_LOG_LEVEL="DEBUG") for n in range(GATEWAYS)]
    projectors = [cell.projector(f"projector-{n}") for n in range(PROJECTORS)]
    parts: list[AbstractAsyncContextManager[Any]] = [control, *projectors, *gateways]
    services = Services(control=control, gateways=gateways)
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(part) for part in parts))
        await asyncio.gather(*(gateway.ready() for gateway in gateways))
        watching = asyncio.create_task(_watch(cell, services.published))
        try:
            yield services
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _watch(cell: Cell, published: Moments) -> None:
    reader = TopicReader(cell.connection, cell.topics.state)
    await reader.start()
    reader.seek(await reader.end())
    try:
        while True:
            for record in await reader.fetch(1_000, 1.0):
                found = decode(record.key, record.value, record.headers)
                if isinstance(found, CommitRow):
                    published.append((found.position, record.timestamp))
    finally:
        await reader.close()


def moments(gateway: GatewayProcess) -> Moments:
    """Each snapshot that came into force at a gateway."""
    found = []
    for line in _whole_lines(gateway).splitlines():
        if IN_FORCE in line:
            said = json.loads(line)
            found.append((_position(said), round(datetime.fromisoformat(said["time"]).timestamp() * 1000)))
    return found


def newest(gateway: GatewayProcess) -> int:
    """The log position of the snapshot in force; 0 before the first."""
    before, said, after = _whole_lines(gateway).rpartition(IN_FORCE)
    if not said:
        return 0
    begin = before.rpartition("\n")[2]
    return _position(json.loads(begin + said + after.partition("\n")[0]))


def _whole_lines(gateway: GatewayProcess) -> str:
    """Its log, without a line that it is just writing."""
    return gateway.process.log().rpartition("\n")[0]


def _position(said: Mapping[str, str]) -> int:
    return int(said["message"].split()[1].partition(":")[2])


def now_ms() -> int:
    """The machine's clock, as brokers and logs tell it."""
    return time.time_ns() // 1_000_000


def first_with(position: int, held: Moments) -> int:
    """When the first one that contains the position was there."""
    return held[bisect_left(held, (position, 0))][1]


def percentile(values: Sequence[int], share: float) -> int:
    """The value below which that share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def spread(values: Sequence[int]) -> dict[str, int]:
    """What people look at first, in ms."""
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "longest": max(values)}


def figures(begun: Sequence[tuple[int, int]], services: Services) -> dict[str, Any]:
    """How long each (position, ms) took: until its commit was written, and until it bound each and all."""
    held = services.moments()
    late = {name: [first_with(at, one) - ms for at, ms in begun] for name, one in held.items()}
    everywhere = [max(each) for each in zip(*late.values(), strict=True)]
    written = [first_with(at, services.published) - ms for at, ms in begun]
    return {
        "in force on all, ms": spread(everywhere),
        "commit written, ms": spread(written),
        "commit to in force on all, ms": spread([a - b for a, b in zip(everywhere, written, strict=True)]),
        "each gateway, ms": {name: spread(one) for name, one in late.items()},
    }
