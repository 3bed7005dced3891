"""Composition root of the control plane: ports and adapters into what the application stands on.

Rule: only this module names adapters. It stays free of the web framework, because the child process that
folds the past comes in here too, and starts in a tenth of a second that way. What a cluster needs is imported
when one is opened: its libraries are extras that an embedded run does without.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from interlock_control.clock import Clock, SystemClock
from interlock_control.commands import CommandHandler
from interlock_control.credentials import CredentialFollower
from interlock_control.deadletters import Desk
from interlock_control.decisions import JournalDecisions, LogDecisions, SearchableLog
from interlock_control.follower import Follower
from interlock_control.generation import another_generation
from interlock_control.live import LiveScenes
from interlock_control.metrics import Sample
from interlock_control.plane import ControlPlane
from interlock_control.sources import InCluster, InFile, Source
from interlock_control.standing import StandingWatch
from interlock_control.timemachine import ChildPast, Past
from interlock_control.unbroken import Unbroken
from interlock_control.upkeep import Upkeep
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_eventlog.log import LogReader
from interlock_feed.feed import FeedReader
from interlock_feed.shared import SharedFeed
from interlock_records.records import RequestRecords
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.adapters.sqlite import SqliteViews
from interlock_views.live import RoutingState
from interlock_views.views import Views

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from interlock_eventlog.adapters.journal import PostgresJournal
    from interlock_eventlog.adapters.journal_letters import PostgresLetters
    from interlock_eventlog.adapters.kafka import KafkaEventLog
    from interlock_feed.adapters.kafka import KafkaFeed
    from interlock_records.adapters.sql import SqlRequestRecords
    from interlock_runtime.cluster_row import ClusterRow
    from interlock_runtime.kafka.connection import Topics
    from interlock_runtime.kafka.sender import KafkaSender
    from interlock_views.adapters.postgres import PostgresViews

CONNECTIONS: Final = 8
"""To PostgreSQL for one control process: commands go one at a time, reads are short."""


def fresh_id() -> str:
    """An event id that nobody else gives."""
    return uuid.uuid4().hex


def embedded_past(database: Path, projection: str = "routing-1") -> Past:
    """The past of a database file, folded in a child process."""
    return ChildPast(InFile(database=str(database)), projection)


def embedded_control(
    log: SearchableLog,
    views: Views,
    records: RequestRecords,
    routing: RoutingState,
    *,
    past: Past,
    clock: Clock | None = None,
    feed: FeedReader | None = None,
) -> ControlPlane:
    """The control plane of one process that holds everything."""
    commands = CommandHandler(LogDecisions(log), fresh_id)
    return ControlPlane(
        log=log,
        views=views,
        records=records,
        routing=routing,
        commands=commands,
        credentials=CredentialFollower(views, commands),
        past=past,
        now=LiveScenes(routing),
        clock=clock or SystemClock(),
        feed=SharedFeed(feed) if feed is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterControl:
    """The control plane of a cluster, opened; `run` are the tasks beside its application."""

    plane: ControlPlane
    follower: Follower
    run: tuple[Callable[[], Awaitable[None]], ...]
    outlived: Callable[[], Awaitable[str]]
    """Returns, with a sentence, when this process belongs to a generation that is over."""
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one control process holds open of its cell."""

    settings: RuntimeSettings
    topics: "Topics"
    engine: "AsyncEngine"
    cluster: "ClusterRow"
    journal: "PostgresJournal"
    log: "KafkaEventLog"
    published: "KafkaFeed"
    relaying: "KafkaSender"
    copying: "KafkaSender"
    views: "PostgresViews"
    records: "SqlRequestRecords"
    letters: "PostgresLetters"
    away: tuple[type[Exception], ...]

    async def close(self) -> None:
        """Everything, the database last."""
        for one in (self.published, self.relaying, self.copying, self.log, self.journal):
            await one.close()
        await self.engine.dispose()


async def cluster_control(settings: RuntimeSettings, *, clock: Clock | None = None) -> ClusterControl:
    """Open PostgreSQL and begin at the newest checkpoint; Kafka is connected to when it is first needed.

    Raises PostgresError or Unreachable with a sentence.
    """
    clock = clock or SystemClock()
    cell = await _open(settings)
    follower = Follower(
        cell.log,
        cell.views,
        clock=clock,
        projection=cell.cluster.projection,
        generation=cell.cluster.generation,
        away=cell.away,
    )
    try:
        await follower.start()
        await cell.records.prepare()
    except BaseException:
        await cell.engine.dispose()
        raise
    plane = _plane(cell, follower, clock)
    follower.listen(plane.credentials.notice)

    async def close() -> None:
        await plane.past.close()
        if plane.feed is not None:
            await plane.feed.close()
        await cell.close()

    beside = _beside(cell, plane, follower)
    return ClusterControl(
        plane=plane,
        follower=follower,
        run=(follower.run, plane.credentials.run, *beside),
        outlived=_outlived(cell),
        close=close,
    )


async def _open(settings: RuntimeSettings) -> Cell:
    from interlock_eventlog.adapters.journal import PostgresJournal  # noqa: PLC0415
    from interlock_eventlog.adapters.journal_letters import PostgresLetters  # noqa: PLC0415
    from interlock_eventlog.adapters.kafka import KafkaEventLog  # noqa: PLC0415
    from interlock_feed.adapters.kafka import KafkaFeed  # noqa: PLC0415
    from interlock_records.adapters.sql import SqlRequestRecords  # noqa: PLC0415
    from interlock_runtime.cluster_row import read_cluster  # noqa: PLC0415
    from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable  # noqa: PLC0415
    from interlock_runtime.kafka.sender import KafkaSender, Unsent  # noqa: PLC0415
    from interlock_runtime.postgres import PostgresError, check_schema, open_postgres  # noqa: PLC0415
    from interlock_views.adapters.postgres import PostgresViews  # noqa: PLC0415

    connection, topics = KafkaConnection.of(settings), Topics(settings.topic_prefix)
    engine = open_postgres(settings.database_url or "", size=CONNECTIONS)
    try:
        await check_schema(engine)
        cluster = await read_cluster(engine)
    except BaseException:
        await engine.dispose()
        raise
    return Cell(
        settings=settings,
        topics=topics,
        engine=engine,
        cluster=cluster,
        journal=PostgresJournal(engine),
        log=KafkaEventLog(connection, topics),
        published=KafkaFeed(connection, topics, client_id="interlock-feed-over-http"),
        relaying=KafkaSender(connection, client_id="interlock-relay"),
        copying=KafkaSender(connection, client_id="interlock-copies"),
        views=PostgresViews(engine),
        records=SqlRequestRecords(engine),
        letters=PostgresLetters(engine),
        away=(PostgresError, Unreachable, Unsent),
    )


def _plane(cell: Cell, follower: Follower, clock: Clock) -> ControlPlane:
    from interlock_eventlog.adapters.kafka_copies import KafkaCopies  # noqa: PLC0415
    from interlock_views.adapters.postgres_promotion import PostgresPromotions  # noqa: PLC0415

    commands = CommandHandler(JournalDecisions(cell.journal), fresh_id)
    copies = KafkaCopies(cell.copying)
    return ControlPlane(
        log=cell.log,
        views=cell.views,
        records=cell.records,
        routing=follower,
        commands=commands,
        credentials=CredentialFollower(cell.views, commands, cell.away),
        past=ChildPast(InCluster(settings=cell.settings), cell.cluster.projection),
        now=LiveScenes(follower),
        clock=clock,
        journal=cell.journal,
        feed=SharedFeed(cell.published),
        letters=Desk(cell.letters, cell.log, copies, events=cell.topics.events, clock=clock),
        promotions=PostgresPromotions(cell.engine),
        away=cell.away,
    )


def _beside(cell: Cell, plane: ControlPlane, follower: Follower) -> tuple[Callable[[], Awaitable[None]], ...]:
    """The tasks that have nothing to do with requests: relay, upkeep, the look at how the cell stands."""
    from interlock_eventlog.adapters.relay import RELAY_LOCK, Relay  # noqa: PLC0415
    from interlock_runtime.advisory_lock import AdvisoryLock  # noqa: PLC0415
    from interlock_runtime.cell_rows import CellStanding, read_standing  # noqa: PLC0415

    relay = Relay(
        cell.journal,
        cell.relaying,
        topics=cell.topics,
        lock=AdvisoryLock(cell.engine, RELAY_LOCK),
        generation=cell.cluster.generation,
    )
    _measure_relay(plane, relay.status)

    async def look() -> CellStanding:
        return await read_standing(cell.engine)

    watch = StandingWatch(look, away=cell.away, monotonic=plane.clock.monotonic)
    watch.measure(plane.metrics)
    upkeep = Upkeep(
        {"requests": cell.records, "transitions": cell.views, "dead_letters": cell.letters},
        retention=lambda: follower.current()[0].catalog.retention,
        log_ms=lambda: follower.current()[1],
        wall_ms=plane.clock.wall_ms,
    )
    return relay.run, upkeep.run, watch.run


def _outlived(cell: Cell) -> Callable[[], Awaitable[str]]:
    from interlock_runtime.cluster_row import read_cluster  # noqa: PLC0415

    async def read() -> int:
        return (await read_cluster(cell.engine)).generation

    return partial(another_generation, read, cell.cluster.generation, away=cell.away)


def _measure_relay(plane: ControlPlane, status: Callable[[], object]) -> None:
    told = {
        "active": "1 in the process that publishes decisions",
        "published": "Decisions published by this process",
        "waiting": "Decisions that wait to be published, as far as the active relay has looked",
        "lag_s": "Seconds that the first of them has been waiting",
    }

    def sample(name: str) -> Sample:
        return lambda: {(): float(getattr(status(), name))}

    for name, text in told.items():
        plane.metrics.gauge(f"interlock_relay_{name.replace('lag_s', 'lag_seconds')}", text, sample(name))


@asynccontextmanager
async def open_past(source: Source) -> AsyncIterator[tuple[LogReader, Views]]:
    """The log and the views of a source, for reading only."""
    match source:
        case InFile(database=database):
            opened = SqliteDatabase.open_read_only(Path(database))
            try:
                yield SqliteEventLog(opened, SystemClock().wall_ms), SqliteViews(opened)
            finally:
                await opened.close()
        case InCluster(settings=settings):
            from interlock_eventlog.adapters.kafka import KafkaEventLog  # noqa: PLC0415
            from interlock_runtime.kafka.connection import KafkaConnection, Topics  # noqa: PLC0415
            from interlock_runtime.postgres import open_postgres  # noqa: PLC0415
            from interlock_views.adapters.postgres import PostgresViews  # noqa: PLC0415

            log = KafkaEventLog(KafkaConnection.of(settings), Topics(settings.topic_prefix))
            engine = open_postgres(settings.database_url or "", size=1)
            try:
                yield Unbroken(log), PostgresViews(engine)
            finally:
                await log.close()
                await engine.dispose()
