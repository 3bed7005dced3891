"""Composition root of the reactors: from settings and the environment to parts that may run.

Rule: nothing else in this package builds what it uses. Kafka and PostgreSQL are connected to when they are
first needed, so that what is away is waited for by the part that needs it.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from interlock_eventlog.adapters.journal import PostgresJournal
from interlock_eventlog.adapters.kept_letters import PostgresLetterKeeper
from interlock_eventlog.log import UnreadableDecision
from interlock_reactors.alerts import Alerts
from interlock_reactors.delivery import Delivery
from interlock_reactors.keeping import FAMILY, Keeping
from interlock_reactors.lane import Lane
from interlock_reactors.posting import HttpPoster
from interlock_reactors.reactors import Parts, Reactors
from interlock_reactors.receivers import Receiver, Receivers
from interlock_reactors.settings import variables
from interlock_reactors.sink import MOST, Sink
from interlock_reactors.stale import STALE_S, StaleWatch
from interlock_reactors.subscription import Place, Subscription
from interlock_reactors.told import Teller
from interlock_records.adapters.sql import SqlRequestRecords
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.kafka.sender import KafkaSender, Unsent
from interlock_runtime.postgres import DatabaseUnreachable, PostgresError, check_schema, open_postgres
from interlock_runtime.settings import RuntimeSettings

AWAY: Final = (PostgresError, Unreachable, Unsent)


@asynccontextmanager
async def cluster_reactors(
    settings: RuntimeSettings, *, environment: Mapping[str, str] | None = None, stale_s: float = STALE_S
) -> AsyncIterator[Reactors]:
    """The reactors of one process; what they opened is closed on leaving, what is away is waited for.

    Raises Unreachable or PostgresError for an address that cannot be used at all, or tables that are behind.
    """
    connection, topics = KafkaConnection.of(settings), Topics(settings.topic_prefix)
    engine = open_postgres(settings.database_url or "")
    sender, poster = KafkaSender(connection, client_id="interlock-reactors"), HttpPoster()
    journal, records = PostgresJournal(engine), SqlRequestRecords(engine)
    keeper = PostgresLetterKeeper(engine, FAMILY)
    keeping = Keeping(keeper, away=AWAY)
    sink = Sink(records, keeping, away=AWAY)
    delivery = Delivery(poster, variables() if environment is None else environment, wall_s=time.time)

    def lane_of(receiver: Receiver) -> Lane:
        return Lane(receiver, topics, delivery=delivery, keeping=keeping)

    def reading_of(place: Place, lane: Lane) -> Subscription:
        return Subscription(connection, place, handle=lane.take, given_up=lane.give_up)

    away = (*AWAY, UnreadableDecision)
    alerts = Alerts(Receivers(journal), lane_of=lane_of, reading_of=reading_of, away=away)
    place = Place(topics=(topics.requests,), group=f"{topics.prefix}.records", most=MOST)
    parts = Parts(
        alerts=alerts,
        sink=sink,
        reading=Subscription(connection, place, handle=sink.take, given_up=sink.give_up),
        teller=Teller(keeper, sender, topics.dead_letters, away=AWAY),
        watch=StaleWatch(
            lambda: TopicReader(connection, topics.state), alerts.tell, source=topics.prefix, stale_s=stale_s
        ),
        keeping=keeping,
    )
    try:
        with suppress(DatabaseUnreachable):
            await check_schema(engine)
            await records.prepare()
        yield Reactors(parts)
    finally:
        await poster.close()
        await sender.close()
        await journal.close()
        await engine.dispose()
