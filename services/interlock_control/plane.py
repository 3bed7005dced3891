"""What the control plane stands on, as one value that a composition root fills.

Rule: routes know this value and no adapter. Each part is a port of a library or an object made of ports, so
that Kafka and PostgreSQL come as other adapters and nothing behind this value changes.
"""

from dataclasses import dataclass, field

from interlock_control.clock import Clock
from interlock_control.commands import CommandHandler
from interlock_control.credentials import CredentialFollower
from interlock_control.decisions import SearchableLog
from interlock_control.live import LiveScenes
from interlock_control.metrics import Metrics
from interlock_control.timemachine import Past
from interlock_records.records import RequestRecords
from interlock_views.live import RoutingState
from interlock_views.views import Views


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """Everything that routes ask."""

    log: SearchableLog
    views: Views
    records: RequestRecords
    routing: RoutingState
    commands: CommandHandler
    credentials: CredentialFollower
    """To be run as a task beside the application; `notice` listens to the projector."""
    past: Past
    now: LiveScenes
    clock: Clock
    metrics: Metrics = field(default_factory=Metrics)
