"""The rounds: every load of every gateway right behind the same load of nginx, and what came of them.

Rule: a figure is the median over the rounds, with the least and the most beside it; a ratio is taken within a
round, from two loads seconds apart, so that a slow minute of the machine touches both.
"""

import asyncio
import statistics
import sys
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from benchmarks.load import Load, resident_mb, rest, wrk
from benchmarks.peers.compared import Asked, Gateway
from benchmarks.peers.upstreams import EVENTS, Upstreams


class Kind(Struct, frozen=True):
    """One kind of load."""

    name: str
    words: str
    upstream: str
    connections: int
    stream: bool = False
    more_s: int = 0
    """Longer than the other loads: its requests take a quarter of a second each."""


UNARY: Final = Kind("unary", "unary, 32 connections", "unary", 32)
ALONE: Final = Kind("alone", "unary, 1 connection", "unary", 1)
BURST: Final = Kind("burst", "burst of 50 chunks, 8 connections", "burst", 8, stream=True)
PACED: Final = Kind("paced", "paced stream (5 ms), 16 connections", "paced", 16, stream=True, more_s=1)
"""The run that the marks come from does not tell its connections: with 16 Portkey costs 6.5 times what nginx
does, as it did there. With fewer a chunk costs all of them more, since the processor sleeps in between."""
KINDS: Final = (UNARY, ALONE, BURST, PACED)
WARM_UP_S: Final = 2
"""Of each load: node has compiled what is hot by then, and connections are open."""


async def rounds(
    ups: Upstreams, floor: Gateway, others: Sequence[Gateway], *, count: int, seconds: int | None
) -> list[Load]:
    """All of them; the loads are kept in the gateways. Returns those that asked the mock itself."""
    print("warming up", file=sys.stderr, flush=True)
    await _round(ups, floor, others, seconds=WARM_UP_S)
    for one in (floor, *others):
        one.loads.clear()
        one.beside.clear()
    direct: list[Load] = []
    for number in range(count):
        print(f"round {number + 1} of {count}", file=sys.stderr, flush=True)
        direct.append(await _round(ups, floor, others, seconds=seconds))
    return direct


async def _round(ups: Upstreams, floor: Gateway, others: Sequence[Gateway], *, seconds: int | None) -> Load:
    """Every load once, nginx before each; returns the one without a gateway."""
    straight = Asked(ups.direct("unary"))
    direct = await _load(straight, floor.pid, ALONE, seconds or floor.seconds)
    for kind in KINDS:
        for one in others:
            beside = await _load(floor.asked(kind.upstream), floor.pid, kind, seconds or floor.seconds)
            load = await _load(one.asked(kind.upstream), one.pid, kind, seconds or one.seconds)
            floor.loads.setdefault(kind.name, []).append(beside)
            one.beside.setdefault(kind.name, []).append(beside)
            one.loads.setdefault(kind.name, []).append(load)
    return direct


async def _load(asked: Asked, pid: int, kind: Kind, seconds: int) -> Load:
    def driven() -> Load:
        rest(pid)
        return wrk(
            asked.url, pid, model=asked.model, stream=kind.stream, connections=kind.connections,
            seconds=seconds + kind.more_s, headers=asked.headers,
        )  # fmt: skip

    return await asyncio.to_thread(driven)


def figures(floor: Gateway, others: Sequence[Gateway], direct: Sequence[Load]) -> dict[str, Any]:
    """What the report holds of the rounds."""
    all_of_them = (floor, *others)
    return {
        "versions": {one.name: one.version for one in all_of_them},
        "cpu_us": {one.name: {k.words: _cpu(one, k) for k in KINDS} for one in all_of_them},
        "paced_chunk_us": {one.name: round(_cpu(one, PACED) / EVENTS, 1) for one in all_of_them},
        "times_nginx": {one.name: {k.words: times(one, k) for k in KINDS} for one in others},
        "added_p50_ms": {one.name: _added(one, direct) for one in all_of_them},
        "resident_mb": {one.name: round(resident_mb(one.pid), 1) for one in all_of_them},
        "requests": {one.name: {k.words: _sum(one, k, "requests") for k in KINDS} for one in all_of_them},
        "failed": {one.name: sum(_sum(one, k, "failed") for k in KINDS) for one in all_of_them},
    }


def times(one: Gateway, kind: Kind) -> dict[str, float]:
    """How many times nginx it costs: median, least and most of the rounds."""
    pairs = zip(one.loads[kind.name], one.beside[kind.name], strict=True)
    seen = sorted(load.cpu_us / beside.cpu_us for load, beside in pairs)
    return {
        "median": round(statistics.median(seen), 2),
        "least": round(seen[0], 2),
        "most": round(seen[-1], 2),
    }


def share(one: Gateway, of: Gateway, kind: Kind) -> float:
    """Median over the rounds of what `one` costs as a part of what `of` costs, both as multiples of nginx."""
    mine, theirs = (
        [a.cpu_us / b.cpu_us for a, b in zip(g.loads[kind.name], g.beside[kind.name], strict=True)]
        for g in (one, of)
    )
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def _cpu(one: Gateway, kind: Kind) -> float:
    return round(statistics.median(load.cpu_us for load in one.loads[kind.name]), 1)


def _added(one: Gateway, direct: Sequence[Load]) -> float:
    floor = statistics.median(load.p50_ms for load in direct)
    return round(statistics.median(load.p50_ms for load in one.loads[ALONE.name]) - floor, 3)


def _sum(one: Gateway, kind: Kind, field: str) -> int:
    return sum(getattr(load, field) for load in one.loads[kind.name])
