"""The composition root of the gateway: ports in, a service out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from interlock_domain.catalog.provider import SecretRef
from interlock_eventlog.log import EventLog
from interlock_feed.feed import FeedReader, SnapshotStore
from interlock_gateway.calls import CallBook
from interlock_gateway.counters import Counters
from interlock_gateway.follow import Follower
from interlock_gateway.gateway import Gateway
from interlock_gateway.identity import Identity, Ids, new_boot
from interlock_gateway.local import LocalView
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.run import GatewayService
from interlock_gateway.sender import OutcomeSender, RecordSender
from interlock_gateway.tally import Tally
from interlock_records.records import RequestRecords
from interlock_upstream.client import HttpClient
from interlock_upstream.port import UpstreamClient

CHAT_PATH = b"/chat/completions"


def wall_ms() -> int:
    """Wall clock in ms: for people and files, never for a decision."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPorts:
    """What a gateway is built over; `snapshot_file` None: nothing survives a restart of the feed."""

    log: EventLog
    feed: FeedReader
    records: RequestRecords
    snapshot_file: SnapshotStore | None = None
    client: UpstreamClient | None = None


def build_gateway(
    ports: GatewayPorts,
    *,
    gateway_id: str,
    secret_of: Callable[[SecretRef], str | None],
    worker: int = 0,
    fingerprints: Mapping[str, str] | None = None,
    address: str = "",
) -> GatewayService:
    """A gateway over the given ports. `fingerprints`: provider -> credential fingerprint of this boot."""
    identity = Identity(gateway=gateway_id, worker=worker, boot=new_boot())
    ring = OutcomeRing(identity)
    gw = Gateway(
        identity=identity,
        ids=Ids(),
        follow=Follower(ports.feed, ports.snapshot_file, monotonic=time.monotonic, wall_ms=wall_ms),
        client=ports.client or HttpClient(),
        calls=CallBook(secret_of, CHAT_PATH),
        local=LocalView(),
        tally=Tally(),
        ring=ring,
        outcomes=OutcomeSender(ports.log, ring, identity, monotonic=time.monotonic),
        records=RecordSender(ports.records),
        counters=Counters(),
        fingerprints=dict(fingerprints or {}),
        monotonic=time.monotonic,
        wall_ms=wall_ms,
    )
    return GatewayService(gw, address=address)
