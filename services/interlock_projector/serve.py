"""`interlock serve projector`: one projector of a cluster, owner or standby, until a signal.

Rule: what cannot become right by waiting (no address, a port that is taken, tables that are behind) is one
sentence and exit code 1; what can (Kafka or PostgreSQL away) is waited for. A signal gives the lease back,
so a standby takes over at once.
"""

import asyncio
import re
import socket
import sys
from typing import Final

from interlock_projector.bootstrap import cluster_projector
from interlock_projector.contend import ClusterProjector
from interlock_projector.health import Health
from interlock_runtime.health import HealthApp
from interlock_runtime.kafka.connection import Unreachable
from interlock_runtime.listen import PortRefused, listen_on
from interlock_runtime.postgres import PostgresError
from interlock_runtime.process import settle_process
from interlock_runtime.serving import answering
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.shutdown import Shutdown

_NAME: Final = re.compile(r"routing-[1-9]\d{0,8}")


async def serve(
    settings: RuntimeSettings,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    projection: str | None = None,
) -> int:
    """Project until a signal; returns the exit code. Without a port nothing is answered over HTTP.

    A `projection` that is named is rebuilt beside the one in force until somebody promotes it.
    """
    missing = _missing(settings) or _misnamed(projection)
    if missing is not None:
        return _refuse(missing)
    shutdown = Shutdown()
    shutdown.install()
    listening = None if port is None else listen_on(host, port)
    if isinstance(listening, PortRefused):
        return _refuse(listening.sentence)
    try:
        async with cluster_projector(settings, projection=projection) as projector:
            return await _run(projector, listening, shutdown)
    except (PostgresError, Unreachable) as error:  # an address or tables; what is only away is waited for
        return _refuse(str(error))
    finally:
        if listening is not None:
            listening.close()


async def _run(projector: ClusterProjector, listening: socket.socket | None, shutdown: Shutdown) -> int:
    async with answering(HealthApp(Health(projector)), listening):
        running = asyncio.create_task(projector.run())
        asked = asyncio.create_task(shutdown.wait())
        settle_process()
        await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
        projector.stop()
        await running
        asked.cancel()
        return 0


def _missing(settings: RuntimeSettings) -> str | None:
    if settings.database_url is None or not settings.database_url.startswith("postgresql://"):
        return "a projector of a cluster keeps its views in PostgreSQL: set INTERLOCK_DATABASE_URL to postgresql://.."
    if not settings.kafka_bootstrap:
        return "a projector of a cluster follows Kafka: set INTERLOCK_KAFKA_BOOTSTRAP to host:port"
    return None


def _misnamed(projection: str | None) -> str | None:
    if projection is None or _NAME.fullmatch(projection):
        return None
    return f"{projection} is no name of a projection: write routing-2, or any other number"


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1
