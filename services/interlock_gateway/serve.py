"""`interlock serve gateway`: one gateway of a cluster, in one process or in several that share its port.

Rule: what may be refused is refused before anything is opened, in one sentence and with exit code 1. One
worker needs no supervisor: whatever starts containers starts it again.
"""

import logging
import sys
from pathlib import Path
from typing import Final

from interlock_gateway.listen import port_of, reserve
from interlock_gateway.settings import FOLDER, Order
from interlock_gateway.supervisor import Supervisor
from interlock_gateway.worker import REFUSED, run_worker
from interlock_runtime.data_dir import DataDir, Held
from interlock_runtime.listen import PortRefused, is_loopback
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.shutdown import Shutdown

_REACHABLE: Final = "listening on %s: until gateway keys are declared, requests are refused"
_REACHABLE_OPEN: Final = (
    "listening on %s: until gateway keys are declared, whoever reaches it may use every pool"
)

_log = logging.getLogger(__name__)


async def serve(
    settings: RuntimeSettings, *, port: int = 8080, host: str = "127.0.0.1", workers: int = 1
) -> int:
    """Serve until a signal; returns the exit code."""
    shutdown = Shutdown()
    shutdown.install()
    folder = _own_folder(settings)
    if isinstance(folder, str):
        return _refuse(folder)
    try:
        if not is_loopback(host):
            _log.warning(_REACHABLE_OPEN if settings.open else _REACHABLE, host)
        order = Order(settings=settings, host=host, port=port)
        if workers > 1:
            return await _serve_several(order, workers, shutdown)
        code = await run_worker(order, shutdown)
        return 1 if code == REFUSED else code
    finally:
        folder.release()


async def _serve_several(order: Order, workers: int, shutdown: Shutdown) -> int:
    reserved = reserve(order.host, order.port)
    if isinstance(reserved, PortRefused):
        return _refuse(reserved.sentence)
    with reserved:
        order = Order(settings=order.settings, host=order.host, port=port_of(reserved))
        _log.info("gateway %s: %d workers on %s", order.settings.gateway_id, workers, order.url)
        return await Supervisor(order, workers, shutdown).run()


def _own_folder(settings: RuntimeSettings) -> DataDir | str:
    """The gateway's own folder, or a sentence: two gateways must not write one last-known-good file."""
    path = Path(settings.data_dir) / FOLDER
    try:
        held = DataDir.acquire(path)
    except OSError as error:
        why = (error.strerror or "error").lower()
        return f"the data folder {path} cannot be used ({why}): set INTERLOCK_DATA_DIR to another"
    if isinstance(held, Held):
        owner = f"process {held.pid}" if held.pid else "another process"
        return f"{path} is in use by {owner}: stop it, or set INTERLOCK_DATA_DIR to another folder"
    return held


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1
