"""`interlock serve reactors`: what happens outside, until a signal.

Rule: what cannot become right by waiting (no address, a port that is taken, tables that are behind) is one
sentence and exit code 1; what can (Kafka or PostgreSQL away, a topic that is not there yet) is waited for. A
signal lets what is under way finish for a few seconds; the rest comes again at the next start.
"""

import asyncio
import socket
import sys

from interlock_reactors.bootstrap import cluster_reactors
from interlock_runtime.health import HealthApp
from interlock_runtime.kafka.connection import Unreachable
from interlock_runtime.listen import PortRefused, listen_on
from interlock_runtime.postgres import PostgresError
from interlock_runtime.process import settle_process
from interlock_runtime.serving import answering
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.shutdown import Shutdown


async def serve(settings: RuntimeSettings, *, port: int | None = None, host: str = "127.0.0.1") -> int:
    """React until a signal; returns the exit code. Without a port nothing is answered over HTTP."""
    missing = _missing(settings)
    if missing is not None:
        return _refuse(missing)
    shutdown = Shutdown()
    shutdown.install()
    listening = None if port is None else listen_on(host, port)
    if isinstance(listening, PortRefused):
        return _refuse(listening.sentence)
    try:
        return await _run(settings, listening, shutdown)
    except (PostgresError, Unreachable) as error:  # an address or tables; what is only away is waited for
        return _refuse(str(error))
    finally:
        shutdown.restore()
        if listening is not None:
            listening.close()


async def _run(settings: RuntimeSettings, listening: socket.socket | None, shutdown: Shutdown) -> int:
    async with cluster_reactors(settings) as reactors, answering(HealthApp(reactors), listening):
        running = asyncio.create_task(reactors.run())
        asked = asyncio.create_task(shutdown.wait())
        settle_process()
        await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
        reactors.stop()
        asked.cancel()
        await running
        return 0


def _missing(settings: RuntimeSettings) -> str | None:
    if settings.database_url is None or not settings.database_url.startswith("postgresql://"):
        return "reactors keep what they read in PostgreSQL: set INTERLOCK_DATABASE_URL to postgresql://.."
    if not settings.kafka_bootstrap:
        return "reactors follow Kafka: set INTERLOCK_KAFKA_BOOTSTRAP to host:port"
    return None


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1
