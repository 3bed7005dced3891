"""What the control plane stands on, as one value that a composition root fills.

Rule: routes know this value and no adapter. Each part is a port of a library or an object made of ports, so
that Kafka and PostgreSQL come as other adapters and nothing behind this value changes.
"""

import asyncio
from dataclasses import dataclass, field

from interlock_control.clock import Clock
from interlock_control.commands import CommandHandler
from interlock_control.credentials import CredentialFollower
from interlock_control.deadletters import Desk
from interlock_control.decisions import History
from interlock_control.live import LiveScenes
from interlock_control.metrics import Metrics
from interlock_control.timemachine import Past
from interlock_eventlog.journal import Journal
from interlock_feed.shared import SharedFeed
from interlock_records.records import RequestRecords
from interlock_views.live import RoutingState
from interlock_views.promotion import Promotions
from interlock_views.views import Views


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """Everything that routes ask."""

    log: History
    """What happened, to be read and searched."""
    views: Views
    records: RequestRecords
    routing: RoutingState
    commands: CommandHandler
    credentials: CredentialFollower
    """To be run as a task beside the application; `notice` listens to the projector."""
    past: Past
    now: LiveScenes
    clock: Clock
    journal: Journal | None = None
    """The order of decisions where it is a count of its own (a cluster); None: the log is its own journal."""
    feed: SharedFeed | None = None
    """What the projector publishes, for gateways that have nothing but HTTP."""
    letters: Desk | None = None
    """Where dead letters are settled; None: none are kept."""
    promotions: Promotions | None = None
    """Which projection is in force, where there may be several (a cluster)."""
    away: tuple[type[Exception], ...] = ()
    """What these parts raise when a service behind them cannot be reached now: answered with 503."""
    metrics: Metrics = field(default_factory=Metrics)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process is about to end: not ready any more, whatever else is so."""
