"""A gateway in a process of its own that tells what it holds: sockets, tasks, objects, memory, its books.

Everything but its stores is as it is served. Facts about attempts and request records go nowhere: kept in
this process they would be what grows.

    python -m tests.drills.rig.leaks_gateway CONFIG PORT       answers on PORT with what is held now
"""

import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import uvloop
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from benchmarks.load import resident_mb
from interlock_domain.events import AttemptFailed, AttemptSucceeded
from interlock_domain.recorded import NewEvent
from interlock_eventlog.log import EventLog
from interlock_gateway.exchange import Exchange
from interlock_gateway.sender import NoRecords
from interlock_records.records import RequestRecords
from interlock_testing.running import GatewayOptions, Served, running
from interlock_testing.waiting import until
from interlock_upstream.connection import Connection

_ATTEMPTS: Final = (AttemptFailed, AttemptSucceeded)
SETTLE_S: Final = 20.0


class WithoutAttempts:
    """Passes on what the gateway says of itself, so that it is known to live; drops the rest."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See FactSink."""
        kept = [fact for fact in facts if not isinstance(fact.event, _ATTEMPTS)]
        return await self._log.publish(stream, kept) if kept else 0


def held(served: Served) -> dict[str, Any]:
    """What is there now, after a collection."""
    gateway = served.service.gateway
    gc.collect()
    gc.collect()
    objects = gc.get_objects()
    kinds = {
        "exchanges alive": Exchange,
        "cycles alive": RequestResponseCycle,
        "connections alive": Connection,
    }
    stats = gateway.client.stats()
    links = [_target(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    return {
        "port": served.port,
        "sockets": sum(link.startswith("socket:") for link in links),
        "descriptors": len(links),
        "tasks": len([task for task in asyncio.all_tasks() if not task.done()]),
        "exchanges": len(gateway.exchanges),
        "upstream in use": stats.in_use,
        "upstream idle": stats.idle,
        "key in flight": sum(one.in_flight for one in gateway.admission._callers.values()),
        "failed attempts": sum(gateway.counters.failures.values()),
        "objects": len(objects),
        "blocks": sys.getallocatedblocks(),
        "resident, MB": round(resident_mb(os.getpid()), 1),
        **{name: sum(isinstance(one, kind) for one in objects) for name, kind in kinds.items()},
    }


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


async def serve(config: str, port: int) -> None:
    """Until it is ended."""
    async with running(config) as loop:
        sink = cast("EventLog", WithoutAttempts(loop.log))
        options = GatewayOptions(log=sink, records=cast("RequestRecords", NoRecords()))
        async with loop.serving("gw-2", options) as served:
            async with await asyncio.start_server(_telling(served), "127.0.0.1", port):
                await asyncio.Event().wait()


def _telling(served: Served) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    gateway = served.service.gateway

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        if path == b"/settled":
            await until(lambda: not gateway.exchanges, timeout_s=SETTLE_S, what="the exchanges to end")
            await until(
                lambda: not gateway.client.stats().in_use, timeout_s=SETTLE_S, what="the calls to end"
            )
        body = json.dumps(held(served)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    return answer


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]).read_text(), int(sys.argv[2])))
