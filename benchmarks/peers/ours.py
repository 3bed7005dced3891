"""Interlock as it is served: a gateway of a real cell, and everything in one process.

Rule: it does all it does (keys declared and asked for, three members in each pool, default policy, request
records and facts sent), and whatever process it needs to answer is in its tree and is counted. The projector
and the control plane of the cell answer no request; they run beside it and are not.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.load import KEY
from benchmarks.peers.compared import CHAT, Asked, Gateway
from benchmarks.peers.upstreams import Upstreams
from tests.drills.rig.cell import Cell
from tests.drills.rig.quickstart import Quickstart

INTERLOCK: Final = "Interlock"
QUICKSTART: Final = "Interlock, all in one process"


def declared(ups: Upstreams) -> str:
    """interlock.yaml: for each kind a pool of three, and the keys; everything else as it is by default."""
    kinds = list(ups.ports)
    lines = ["providers:", f"  broken: {{base_url: {ups.broken_url()}, api_key: none}}"]
    lines += [f"  {kind}: {{base_url: {ups.base_url(kind)}, api_key: none}}" for kind in kinds]
    lines += ["pools:", "  failover: [broken/m, unary/one, unary/two]"]
    lines += [f"  {kind}: [{kind}/one, {kind}/two, {kind}/three]" for kind in kinds]
    lines += ["keys:", f"  - {{name: bench, sha256: {sha256(KEY.encode()).hexdigest()}}}"]
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def interlock(cell: Cell, ups: Upstreams) -> AsyncIterator[Gateway]:
    """`interlock serve gateway` in a cell: the feed, its facts and its records travel by Kafka."""
    config = cell.folder / "interlock.yaml"
    config.write_text(declared(ups), encoding="utf-8")
    control, projector = cell.control("control", "--config", str(config)), cell.projector("projector")
    gateway = cell.gateway("gw-bench")
    async with control, projector, gateway:
        await gateway.ready()
        yield _interlock(INTERLOCK, gateway.url, gateway.process.pid)


@asynccontextmanager
async def quickstart(folder: Path, ups: Upstreams) -> AsyncIterator[Gateway]:
    """`interlock quickstart`: control plane, projector and the request records' database in the gateway."""
    served = Quickstart(folder, declared(ups))
    await served.start()
    try:
        yield _interlock(QUICKSTART, served.url, served.process.pid)
    finally:
        await served.stop()


def _interlock(name: str, url: str, pid: int) -> Gateway:
    return Gateway(
        name,
        version("interlock"),
        pid,
        2,
        lambda kind: Asked(url + CHAT, model=kind),
        {name: Asked(url + CHAT, model="failover")},
    )
