"""Composition root of the command line: a file at rest behind the control plane's own application, and the
stores of a cluster for whoever mends them.

Rule: the database of a file is opened for reading, so a command can neither change it nor get into the way of
its owner. What is built here answers exactly as a running control plane would, because it is the same code.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from interlock_cli.at_rest import PROJECTION, resting_state
from interlock_cli.mend import Stores
from interlock_control.app import build_app
from interlock_control.bootstrap import embedded_control
from interlock_control.timemachine import LocalPast
from interlock_eventlog.adapters.sqlite import SqliteEventLog
from interlock_records.adapters.sql import SqlRequestRecords, open_engine
from interlock_runtime.settings import RuntimeSettings
from interlock_runtime.sqlite import SqliteDatabase
from interlock_views.adapters.sqlite import SqliteViews


async def open_at_rest(database: Path) -> tuple[Any, Callable[[], Awaitable[None]]]:
    """The application, and how to close it again. Raises StorageError."""
    path = database.absolute()  # noqa: ASYNC240  a name, not a look at the disk
    opened = SqliteDatabase.open_read_only(path)
    log = SqliteEventLog(opened, lambda: 0)
    views = SqliteViews(opened)
    records = SqlRequestRecords(open_engine(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true"))
    routing = await resting_state(log, views)
    plane = embedded_control(log, views, records, routing, past=LocalPast(log, views, PROJECTION))

    async def close() -> None:
        await records.close()
        await opened.close()

    return build_app(plane), close


@asynccontextmanager
async def open_stores(settings: RuntimeSettings) -> AsyncIterator[Stores]:
    """Journal, log, views and state feed of a cluster. Raises PostgresError and Unreachable."""
    from interlock_eventlog.adapters.journal import PostgresJournal  # noqa: PLC0415
    from interlock_eventlog.adapters.relay import RELAY_LOCK, Relay  # noqa: PLC0415
    from interlock_eventlog.adapters.reunion import Reunion  # noqa: PLC0415
    from interlock_feed.adapters.kafka_newest import newest_stamp  # noqa: PLC0415
    from interlock_runtime.advisory_lock import AdvisoryLock  # noqa: PLC0415
    from interlock_runtime.cluster_row import read_cluster  # noqa: PLC0415
    from interlock_runtime.kafka.connection import KafkaConnection, Topics  # noqa: PLC0415
    from interlock_runtime.kafka.reader import TopicReader  # noqa: PLC0415
    from interlock_runtime.kafka.sender import KafkaSender  # noqa: PLC0415
    from interlock_runtime.postgres import open_postgres  # noqa: PLC0415
    from interlock_views.adapters.postgres_anew import Anew  # noqa: PLC0415

    connection, topics = KafkaConnection.of(settings), Topics(settings.topic_prefix)
    engine = open_postgres(settings.database_url or "", size=2)
    reader = TopicReader(connection, topics.events)
    journal, sender = PostgresJournal(engine), KafkaSender(connection, client_id="interlock-migrate")
    try:
        generation = (await read_cluster(engine)).generation
        lock = AdvisoryLock(engine, RELAY_LOCK)
        yield Stores(
            reunion=Reunion(engine, reader),
            views=Anew(engine),
            relay=Relay(journal, sender, topics=topics, lock=lock, generation=generation + 1),
            lock=lock,
            newest=partial(newest_stamp, connection, topics),
            generation=generation,
            events=topics.events,
        )
    finally:
        await sender.close()
        await journal.close()
        await reader.close()
        await engine.dispose()
