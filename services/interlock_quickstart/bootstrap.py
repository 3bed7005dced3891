"""Composition root of the embedded process: one file, one loop, and every part of Interlock on it.

Rule: adapters are chosen here and nowhere else in this package; the parts are the same that a cluster runs
as services, behind the same ports. What only people who watch need (the live view) is hung on from outside.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interlock_control.app import build_app
from interlock_control.bootstrap import embedded_control, embedded_past
from interlock_control.commands import CommandHandler
from interlock_control.plane import ControlPlane
from interlock_control.upkeep import Upkeep
from interlock_domain.catalog.provider import Provider
from interlock_domain.projection.effects import Effect
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_feed.adapters.file import SnapshotFile
from interlock_feed.adapters.sqlite import SqliteFeed
from interlock_gateway.bootstrap import GatewayPorts, build_gateway
from interlock_gateway.identity import new_identity
from interlock_gateway.run import GatewayService
from interlock_gateway.server import gateway_server
from interlock_projector.bootstrap import embedded_projector
from interlock_projector.run import Listener, Projector
from interlock_quickstart.credentials import Credentials
from interlock_quickstart.listen import HOST
from interlock_quickstart.told import Hear, ToldRecords
from interlock_records.adapters.sql import SqlRequestRecords, open_engine
from interlock_runtime.serving import Server, quiet_server
from interlock_runtime.sqlite import SqliteDatabase
from interlock_runtime.telemetry.opening import open_telemetry
from interlock_upstream.client import HttpClient
from interlock_upstream.proxy import Proxies
from interlock_views.adapters.sqlite import SqliteViews

DATABASE = "interlock.db"
SNAPSHOT = "last-known-good"


def wall_ms() -> int:
    """Wall clock in ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The parts over one file."""

    database: SqliteDatabase
    log: SqliteEventLog
    records: SqlRequestRecords
    projector: Projector
    plane: ControlPlane
    upkeep: Upkeep
    feed: SqliteFeed
    told: ToldRecords

    @property
    def commands(self) -> CommandHandler:
        """The one way to decide something."""
        return self.plane.commands

    async def close(self) -> None:
        """Close the files; the parts must have stopped."""
        await self.plane.past.close()
        if self.plane.feed is not None:
            await self.plane.feed.close()
        await self.records.close()
        await self.database.close()


async def open_embedded(data_dir: Path, *, effects: Listener, hear: Hear) -> Embedded:
    """Open the file and put the parts over it; nothing runs yet. Raises StorageError."""
    path = data_dir / DATABASE
    database = SqliteDatabase(path)
    log = SqliteEventLog(database, wall_ms)
    views, feed = SqliteViews(database), SqliteFeed(database)
    records = SqlRequestRecords(open_engine(f"sqlite+aiosqlite:///{path}"))
    await records.prepare()

    def told(found: Sequence[Effect]) -> None:
        effects(found)
        plane.credentials.notice(found)

    projector = embedded_projector(log, views, feed, listeners=[told])
    plane = embedded_control(log, views, records, projector, past=embedded_past(path), feed=feed)
    upkeep = Upkeep(
        {"events": log, "requests": records, "transitions": views},
        retention=lambda: projector.current()[0].catalog.retention,
        log_ms=lambda: projector.current()[1],
        wall_ms=wall_ms,
    )
    return Embedded(
        database=database,
        log=log,
        records=records,
        projector=projector,
        plane=plane,
        upkeep=upkeep,
        feed=feed,
        told=ToldRecords(records, hear),
    )


def open_gateway(
    parts: Embedded,
    *,
    data_dir: Path,
    gateway_id: str,
    credentials: Credentials,
    providers: Sequence[Provider],
    variables: Mapping[str, str],
    address: str,
) -> GatewayService:
    """The gateway over the same file, with the credentials of this boot."""
    ports = GatewayPorts(
        log=parts.log,
        feed=parts.feed,
        records=parts.told,
        snapshot_file=SnapshotFile(data_dir / SNAPSHOT),
        client=HttpClient(proxies=Proxies.from_mapping(variables)),
    )
    return build_gateway(
        ports,
        identity=new_identity(gateway_id),
        secret_of=credentials.secret_of,
        fingerprints=credentials.fingerprints(providers),
        address=address,
        telemetry=open_telemetry(variables, service="interlock-quickstart", instance=gateway_id),
    )


def open_servers(gateway: GatewayService, plane: ControlPlane, *, port: int) -> tuple[Server, Server]:
    """The servers of both ports; sockets are handed to them when they start."""
    return gateway_server(gateway.app, host=HOST, port=port), quiet_server(build_app(plane))
