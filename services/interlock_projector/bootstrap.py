"""Composition root of the projector: from adapters and settings to a projector that may start.

Rule: nothing else in this package builds what it uses. Quickstart hands in the adapters that it shares with
its other services; a cluster's `serve projector` builds Kafka and PostgreSQL adapters here, imported where
they are chosen, because an embedded run has none of their libraries.
"""

import os
import platform
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from interlock_domain.projection.effects import Effect
from interlock_domain.rows import CLUSTER_KEY, ClusterRow
from interlock_eventlog.log import EventLog
from interlock_projector.beside import Beside
from interlock_projector.clock import SystemClock
from interlock_projector.compare import Comparer
from interlock_projector.contend import ClusterProjector, Contest, LeaseTimes, Ownership
from interlock_projector.forward import (
    LETTERS,
    Forwarder,
    Route,
    record_of_effect,
    record_of_letter,
)
from interlock_projector.heal import Healer
from interlock_projector.publish import Feed
from interlock_projector.run import Listener, Projector
from interlock_projector.seed import seed
from interlock_projector.settings import variables
from interlock_projector.standby import StandbyViews
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.telemetry.opening import open_telemetry
from interlock_views.lease import Lease
from interlock_views.outgoing import UntoldLetter
from interlock_views.promotion import Promotions
from interlock_views.views import Views

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from interlock_eventlog.adapters.journal import PostgresJournal
    from interlock_eventlog.adapters.kafka import KafkaEventLog
    from interlock_projector.tracing import BatchTraces
    from interlock_runtime.kafka.connection import KafkaConnection, Topics
    from interlock_runtime.kafka.sender import KafkaSender


def embedded_projector(
    log: EventLog, views: Views, feed: Feed, *, listeners: Sequence[Listener] = ()
) -> Projector:
    """The projector of one process that holds everything."""
    return Projector(log, views, feed, clock=SystemClock(), listeners=listeners)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What one process holds open, for all its ownerships."""

    connection: "KafkaConnection"
    topics: "Topics"
    engine: "AsyncEngine"
    log: "KafkaEventLog"
    feed: Feed
    journal: "PostgresJournal"
    effects: "KafkaSender"
    letters: "KafkaSender"
    away: tuple[type[Exception], ...]
    traces: "BatchTraces | None" = None


@asynccontextmanager
async def cluster_projector(
    settings: RuntimeSettings, *, times: LeaseTimes | None = None, projection: str | None = None
) -> AsyncIterator[ClusterProjector]:
    """One projector of a cluster: of the projection in force, or of the one that is named.

    What is away is waited for by `run`. Raises what `opened_cluster` raises.
    """
    async with opened_cluster(settings) as opened:
        yield member_of(opened, times=times, projection=projection)


@asynccontextmanager
async def opened_cluster(settings: RuntimeSettings) -> AsyncIterator[Opened]:
    """Everything that a projector of a cluster stands on; closed on leaving.

    Raises Unreachable or PostgresError for an address that cannot be used at all, or tables that are behind.
    """
    from interlock_eventlog.adapters.journal import PostgresJournal  # noqa: PLC0415
    from interlock_eventlog.adapters.kafka import KafkaEventLog  # noqa: PLC0415
    from interlock_feed.adapters.kafka import KafkaFeed  # noqa: PLC0415
    from interlock_feed.wire import RowTooLarge  # noqa: PLC0415
    from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable  # noqa: PLC0415
    from interlock_runtime.kafka.sender import KafkaSender, Unsent  # noqa: PLC0415
    from interlock_runtime.postgres import (  # noqa: PLC0415
        DatabaseUnreachable,
        PostgresError,
        check_schema,
        open_postgres,
    )

    connection, topics = KafkaConnection.of(settings), Topics(settings.topic_prefix)
    engine = open_postgres(settings.database_url or "")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        log = KafkaEventLog(connection, topics, client_id="interlock-projector")
        feed, journal = KafkaFeed(connection, topics), PostgresJournal(engine)
        effects = KafkaSender(connection, client_id="interlock-transitions")
        letters = KafkaSender(connection, client_id="interlock-dead-letters")
        traces = _traces(settings)
        for one in (letters, effects, feed, log, journal):
            stack.push_async_callback(one.close)
        if traces is not None:
            stack.push_async_callback(traces.close)
        with suppress(DatabaseUnreachable):
            await check_schema(engine)
        yield Opened(
            connection=connection,
            topics=topics,
            engine=engine,
            log=log,
            feed=feed,
            journal=journal,
            effects=effects,
            letters=letters,
            traces=traces,
            away=(Unreachable, Unsent, PostgresError, RowTooLarge),
        )


def _traces(settings: RuntimeSettings) -> "BatchTraces | None":
    telemetry = open_telemetry(variables(), service="interlock-projector", instance=settings.gateway_id)
    if telemetry is None:
        return None
    from interlock_projector.tracing import BatchTraces  # noqa: PLC0415  (it loads OpenTelemetry)

    return BatchTraces(telemetry)


def member_of(
    opened: Opened, *, times: LeaseTimes | None = None, projection: str | None = None
) -> ClusterProjector:
    """A projector over what is open."""
    from interlock_runtime.cluster_row import FIRST_PROJECTION  # noqa: PLC0415
    from interlock_views.adapters.leases import PostgresLeases  # noqa: PLC0415
    from interlock_views.adapters.postgres import PostgresViews  # noqa: PLC0415
    from interlock_views.adapters.postgres_promotion import PostgresPromotions  # noqa: PLC0415

    views, promotions = PostgresViews(opened.engine), PostgresPromotions(opened.engine)

    async def owns(lease: Lease) -> Ownership:
        in_force = await promotions.in_force()
        if lease.projection == in_force:
            return await _in_force(opened, views, lease)
        return _rebuild(opened, views, promotions, lease=lease, in_force=in_force)

    return ClusterProjector(
        Contest(
            projection=projection or FIRST_PROJECTION,
            owner=f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
            log=opened.log,
            views=views,
            leases=PostgresLeases(opened.engine),
            clock=SystemClock(),
            owns=owns,
            away=opened.away,
            times=times or LeaseTimes(),
            in_force=promotions.in_force if projection is None else None,
        )
    )


async def _in_force(opened: Opened, views: Views, lease: Lease) -> Ownership:
    """What this process runs under one lease. The generation is read anew: it may have been raised."""
    from interlock_feed.adapters.kafka_guard import StateGuard  # noqa: PLC0415
    from interlock_runtime.cluster_row import read_cluster  # noqa: PLC0415

    cluster = await read_cluster(opened.engine)
    guard = StateGuard(
        opened.connection,
        opened.topics,
        generation=cluster.generation,
        epoch=lease.epoch,
        rows=lambda: projector.rows(),  # noqa: PLW0108  (it is made below)
        again=lambda rows: projector.publish_again(rows),  # noqa: PLW0108
    )
    effects, letters = _forwarders(opened, lease)
    projector = Projector(
        opened.log,
        views,
        opened.feed,
        clock=SystemClock(),
        projection=lease.projection,
        generation=cluster.generation,
        listeners=[lambda told: effects.notice() if told else None],
        beside=Beside(
            away=opened.away,
            stands_by=True,
            healer=Healer(opened.journal, opened.journal),
            passed_over=opened.log.take_dead_letters,
            untold=guard.left_over,
            traces=opened.traces,
            standing={CLUSTER_KEY: msgspec.json.encode(ClusterRow(key=cluster.key))},
        ),
    )
    return Ownership(projector=projector, chores=(effects.run, letters.run, guard.run))


def _rebuild(
    opened: Opened, views: StandbyViews, promotions: Promotions, *, lease: Lease, in_force: str
) -> Ownership:
    """The same fold into rows of its own, and nothing outward."""
    projector = Projector(
        opened.log,
        views,
        opened.feed,
        clock=SystemClock(),
        projection=lease.projection,
        beside=Beside(
            away=opened.away,
            in_force=False,
            comparer=Comparer(
                views, partial(promotions.note, lease.projection, lease.epoch), against=in_force
            ),
            seed=partial(seed, opened.log, views, lease, source=in_force),
            stands_by=True,
            healer=Healer(opened.journal, opened.journal),
            passed_over=opened.log.take_dead_letters,
        ),
    )
    return Ownership(projector=projector)


def _forwarders(opened: Opened, lease: Lease) -> tuple[Forwarder[Effect], Forwarder[UntoldLetter]]:
    from interlock_views.adapters.postgres_outgoing import PostgresEffects, PostgresLetters  # noqa: PLC0415

    return (
        Forwarder(
            PostgresEffects(opened.engine),
            opened.effects,
            Route(name="transitions", topic=opened.topics.transitions, record_of=record_of_effect),
            lease=lease,
            away=opened.away,
        ),
        Forwarder(
            PostgresLetters(opened.engine),
            opened.letters,
            Route(
                name="dead letters",
                topic=opened.topics.dead_letters,
                record_of=record_of_letter,
                page=LETTERS,
            ),
            lease=lease,
            away=opened.away,
        ),
    )
