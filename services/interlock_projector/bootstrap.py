"""Composition root of the projector: from adapters and settings to a projector that may start.

Rule: nothing else in this package builds what it uses. Quickstart hands in the adapters that it shares with
its other services; a cluster's `serve projector` will build Kafka and PostgreSQL adapters here.
"""

from collections.abc import Sequence

from interlock_eventlog.log import EventLog
from interlock_projector.clock import SystemClock
from interlock_projector.publish import Feed
from interlock_projector.run import Listener, Projector
from interlock_views.views import Views


def embedded_projector(
    log: EventLog, views: Views, feed: Feed, *, listeners: Sequence[Listener] = ()
) -> Projector:
    """The projector of one process that holds everything."""
    return Projector(log, views, feed, clock=SystemClock(), listeners=listeners)
