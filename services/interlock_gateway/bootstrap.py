"""The composition root of the gateway: ports in, a service out; in a cluster the ports come from settings.

Rule: adapters are chosen here and nowhere else in this package; nothing is connected before `start`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from interlock_domain.catalog.provider import SecretRef
from interlock_eventlog.log import FactSink
from interlock_feed.adapters.file import SnapshotFile
from interlock_feed.feed import FeedReader, SnapshotStore
from interlock_gateway.admission import Admission
from interlock_gateway.calls import CallBook
from interlock_gateway.counters import Counters
from interlock_gateway.credentials import Credentials
from interlock_gateway.follow import Follower
from interlock_gateway.gateway import Gateway
from interlock_gateway.identity import Identity, Ids, new_identity
from interlock_gateway.local import LocalView
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.run import GatewayService, Learn
from interlock_gateway.sender import NoRecords, OutcomeSender, RecordSender
from interlock_gateway.settings import Order
from interlock_gateway.tally import Tally
from interlock_records.records import RecordSink
from interlock_runtime.listen import is_loopback
from interlock_runtime.telemetry.opening import open_telemetry
from interlock_upstream.client import HttpClient
from interlock_upstream.port import UpstreamClient
from interlock_upstream.proxy import Proxies

if TYPE_CHECKING:
    from interlock_gateway.tracing import RequestTraces
    from interlock_records.adapters.kafka import KafkaRequestRecords
    from interlock_runtime.telemetry.export import Telemetry

KAFKA: Final = "kafka"

_log = logging.getLogger(__name__)


class Closing(Protocol):
    """Something that holds a connection."""

    async def close(self) -> None:
        """Let go of it, in bounded time."""
        ...


def wall_ms() -> int:
    """Wall clock in ms: for people and files, never for a decision."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPorts:
    """What a gateway is built over; `snapshot_file` None: nothing survives a restart of the feed."""

    log: FactSink
    feed: FeedReader
    records: RecordSink
    snapshot_file: SnapshotStore | None = None
    client: UpstreamClient | None = None


def build_gateway(
    ports: GatewayPorts,
    *,
    identity: Identity,
    secret_of: Callable[[SecretRef], str | None],
    fingerprints: Mapping[str, str] | None = None,
    address: str = "",
    learn: Learn | None = None,
    telemetry: "Telemetry | None" = None,
    open: bool = True,
) -> GatewayService:
    """A gateway over the given ports.

    `fingerprints`: provider -> credential fingerprint of this boot; with `learn` they follow the snapshot.
    `open`: where no gateway key is declared it serves everybody, else nobody.
    """
    ring = OutcomeRing(identity)
    gw = Gateway(
        identity=identity,
        ids=Ids(),
        follow=Follower(ports.feed, ports.snapshot_file, monotonic=time.monotonic, wall_ms=wall_ms),
        client=ports.client or HttpClient(),
        calls=CallBook(secret_of),
        admission=Admission(identity.workers, open=open),
        local=LocalView(),
        tally=Tally(),
        ring=ring,
        outcomes=OutcomeSender(ports.log, ring, identity, monotonic=time.monotonic),
        records=RecordSender(ports.records, monotonic=time.monotonic),
        counters=Counters(),
        fingerprints=dict(fingerprints or {}),
        monotonic=time.monotonic,
        wall_ms=wall_ms,
        traces=None if telemetry is None else _traces(telemetry),
    )
    return GatewayService(gw, address=address, learn=learn)


def _traces(telemetry: "Telemetry") -> "RequestTraces":
    from interlock_gateway.tracing import RequestTraces  # noqa: PLC0415  (it loads OpenTelemetry)

    return RequestTraces(telemetry)


class Refused(Struct, frozen=True):
    """Why a gateway cannot be built from these settings; one sentence that says what to do."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGateway:
    """A gateway over the cluster's ports, and what it opened for itself."""

    service: GatewayService
    opened: Sequence[Closing]

    async def close(self) -> None:
        """Let go of the brokers and of the control plane; the service must have stopped."""
        await asyncio.gather(*(one.close() for one in self.opened), return_exceptions=True)


def cluster_gateway(order: Order, variables: Mapping[str, str]) -> ClusterGateway | Refused:
    """The gateway of one worker, connected to nothing yet."""
    settings = order.settings
    feed = settings.feed or (KAFKA if settings.kafka_bootstrap else None)
    if feed is None:
        return Refused(
            "this gateway has nothing to follow: set INTERLOCK_KAFKA_BOOTSTRAP to host:port, or "
            "INTERLOCK_FEED to the address of a control plane"
        )
    if feed == KAFKA and not settings.kafka_bootstrap:
        return Refused(
            "INTERLOCK_FEED is `kafka`, but no Kafka is named: set INTERLOCK_KAFKA_BOOTSTRAP to host:port"
        )
    ports, opened = _kafka_ports(order) if feed == KAFKA else _http_ports(order, feed)
    credentials = Credentials(variables)
    service = build_gateway(
        replace(
            ports,
            snapshot_file=SnapshotFile(order.snapshot_file),
            client=HttpClient(proxies=Proxies.from_mapping(variables)),
        ),
        identity=new_identity(settings.gateway_id, worker=order.worker, workers=order.workers),
        secret_of=credentials.secret_of,
        address=order.url,
        learn=credentials.learn,
        telemetry=open_telemetry(
            variables,
            service="interlock-gateway",
            instance=f"{settings.gateway_id}/{order.worker}",
        ),
        open=settings.open or is_loopback(order.host),
    )
    return ClusterGateway(service=service, opened=opened)


# The adapters below are imported where they are chosen: an embedded run has none of their libraries.


def _kafka_ports(order: Order) -> tuple[GatewayPorts, list[Closing]]:
    from interlock_eventlog.adapters.kafka import KafkaEventLog  # noqa: PLC0415
    from interlock_feed.adapters.kafka import KafkaFeed  # noqa: PLC0415
    from interlock_runtime.kafka.connection import KafkaConnection, Topics  # noqa: PLC0415

    connection, topics = KafkaConnection.of(order.settings), Topics(order.settings.topic_prefix)
    log = KafkaEventLog(connection, topics)
    records = _kafka_records(order)
    return GatewayPorts(log=log, feed=KafkaFeed(connection, topics), records=records), [log, records]


def _http_ports(order: Order, control: str) -> tuple[GatewayPorts, list[Closing]]:
    from interlock_eventlog.adapters.http import HttpFactSink  # noqa: PLC0415
    from interlock_feed.adapters.http import HttpFeed  # noqa: PLC0415

    settings = order.settings
    log, feed = HttpFactSink(control, settings.admin_token), HttpFeed(control, settings.admin_token)
    if settings.kafka_bootstrap:
        records = _kafka_records(order)
        return GatewayPorts(log=log, feed=feed, records=records), [log, records]
    _log.warning(
        "request records are not kept: they travel by Kafka, and this gateway follows a control plane"
    )
    return GatewayPorts(log=log, feed=feed, records=NoRecords()), [log]


def _kafka_records(order: Order) -> "KafkaRequestRecords":
    from interlock_records.adapters.kafka import KafkaRequestRecords  # noqa: PLC0415
    from interlock_runtime.kafka.connection import KafkaConnection, Topics  # noqa: PLC0415
    from interlock_runtime.kafka.sender import KafkaSender  # noqa: PLC0415

    name = f"{order.settings.gateway_id}-{order.worker}-requests"
    # Records repeat their names a hundred times over: compressed they are a tenth, for 1 ms a batch.
    sender = KafkaSender(KafkaConnection.of(order.settings), client_id=name, compression="lz4")
    return KafkaRequestRecords(sender, Topics(order.settings.topic_prefix))
