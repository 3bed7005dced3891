"""One gateway process: from its order to its exit code.

Rule: it serves at once and is not ready until it holds a snapshot, so that a probe can tell the two apart;
what starts in one order stops in the other. First signal: no new requests, running ones get `server.drain`,
then the rings have five seconds; second signal: the end. A refusal to start is a sentence and a status of its
own, which a supervisor does not answer with another start.
"""

import asyncio
import logging
import os
import sys
from typing import Final

import msgspec
import uvloop

from interlock_gateway.bootstrap import Refused, cluster_gateway
from interlock_gateway.run import GatewayService
from interlock_gateway.server import gateway_server
from interlock_gateway.settings import Order, variables
from interlock_runtime.listen import PortRefused, listen_on
from interlock_runtime.logging import set_up_logging
from interlock_runtime.process import settle_process
from interlock_runtime.serving import Serving
from interlock_runtime.shutdown import Shutdown

FLUSH_S: Final = 5.0
"""For the rings at the end: longer than one full timeout of a send and the try after it."""
IDLE_S: Final = 0.3
"""For connections: after the gateway has ended its requests only idle ones are left."""
REFUSED: Final = 78
"""EX_CONFIG of sysexits.h: started again it would end the same way."""
STDIN: Final = 0

_log = logging.getLogger(__name__)


async def run_worker(order: Order, shutdown: Shutdown) -> int:
    """Serve until somebody wants the end; the exit code."""
    built = cluster_gateway(order, variables())
    if isinstance(built, Refused):
        return refuse(built.sentence)
    listening = listen_on(order.host, order.port, shared=order.worker > 0)
    if isinstance(listening, PortRefused):
        return refuse(listening.sentence)
    gateway = built.service
    if not await gateway.start(ready_s=0.0):
        _log.info("the gateway holds no snapshot yet and answers 503 until it does")
    server = gateway_server(gateway.app, host=order.host, port=order.port)
    serving = Serving(server, listening, grace_s=IDLE_S)
    settling = asyncio.create_task(_settle(gateway))
    try:
        await serving.started()
        who = gateway.gateway.identity
        _log.info("gateway %s, worker %d, boot %s, on %s", who.gateway, who.worker, who.boot, order.url)
        return await _until(shutdown, serving)
    finally:
        settling.cancel()
        # The port stays open meanwhile, so that who comes late, and who asks whether we are ready, is told.
        await gateway.drain(gateway.drain_s())
        serving.close()
        await gateway.stop(drain_s=0.0, flush_s=FLUSH_S)
        await serving.closed()
        await built.close()
        listening.close()


def main() -> None:
    """A worker that a supervisor started: its order stands on standard input, whose end is its own."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    set_up_logging(order.settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_supervised(order)))


def refuse(sentence: str) -> int:
    """Say why there is no start; the exit code for it."""
    sys.stderr.write(f"{sentence}\n")
    return REFUSED


async def _supervised(order: Order) -> int:
    shutdown = Shutdown()
    shutdown.install()
    loop = asyncio.get_running_loop()

    def gone() -> None:
        # Nothing is ever written there: it ends with the supervisor, in whatever way that ended.
        if not os.read(STDIN, 64):
            loop.remove_reader(STDIN)
            shutdown.ask()

    loop.add_reader(STDIN, gone)
    return await run_worker(order, shutdown)


async def _settle(gateway: GatewayService) -> None:
    """What stays for ever is there with the first snapshot."""
    await gateway.gateway.follow.ready.wait()
    settle_process()


async def _until(shutdown: Shutdown, serving: Serving) -> int:
    """Until somebody wants the end, or the server ends by itself."""
    asked = asyncio.create_task(shutdown.wait())
    await asyncio.wait({asked, serving.task}, return_when=asyncio.FIRST_COMPLETED)
    if asked.done():
        return 0
    asked.cancel()
    _log.error("the server ended unexpectedly: stopping")
    return 1
