"""The parts of a gateway process that every request uses: values and ports, no behaviour of its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interlock_gateway.admission import Admission
from interlock_gateway.calls import CallBook
from interlock_gateway.counters import Counters
from interlock_gateway.follow import Follower
from interlock_gateway.identity import Identity, Ids
from interlock_gateway.local import LocalView
from interlock_gateway.outcomes import OutcomeRing
from interlock_gateway.sender import OutcomeSender, RecordSender
from interlock_gateway.tally import Tally
from interlock_upstream.port import UpstreamClient

if TYPE_CHECKING:
    from interlock_gateway.exchange import Exchange
    from interlock_gateway.tracing import RequestTraces


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Built by bootstrap.py. `monotonic` is in seconds, `wall_ms` for people only."""

    identity: Identity
    ids: Ids
    follow: Follower
    client: UpstreamClient
    calls: CallBook
    admission: Admission
    local: LocalView
    tally: Tally
    ring: OutcomeRing
    outcomes: OutcomeSender
    records: RecordSender
    counters: Counters
    fingerprints: dict[str, str]
    monotonic: Callable[[], float]
    wall_ms: Callable[[], int]
    traces: "RequestTraces | None" = None
    """None unless somebody collects spans: then the request path pays one look at this for each."""
    exchanges: "set[Exchange]" = field(default_factory=set)
    pools_asked: dict[str, float] = field(default_factory=dict)
    record_seq: int = 0
    stopping: bool = False
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the last request that ends while the gateway stops."""
    loop: asyncio.AbstractEventLoop | None = None
    """Set at start; to ask for the running loop is a system call."""
