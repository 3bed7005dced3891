"""What `interlock doctor` looks at in a cell: PostgreSQL, its schema, Kafka, the topics, relay and projector.

Rule: asked of the stores themselves and of no running part, so that the doctor can tell which part does not
run. Nothing is changed. A look that has to wait (does the projector get on?) waits a bounded time. Dropped:
reading the parts' own metrics, which are missing exactly when a part is.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from time import monotonic
from typing import Final

from interlock_cli.checkup import Finding, Level
from interlock_cli.screen import span
from interlock_domain.catalog.policy import Retention
from interlock_runtime.cell_rows import CellStanding, read_standing
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.provision import Provisioned, TopicRefused, provision
from interlock_runtime.kafka.reader import TopicReader
from interlock_runtime.postgres import PostgresError, check_schema, open_postgres, place
from interlock_runtime.settings import RuntimeSettings

STUCK_S: Final = 15.0
"""A broker that fails over takes up to 9 s (measured); what waits longer waits for somebody."""
BEHIND_S: Final = 3.0
"""A projector that runs passes the end that was seen within a second, on a slow machine too."""
LOOK_AGAIN_S: Final = 0.2


def look_at_cell(settings: RuntimeSettings, retention: Retention | None = None) -> list[Finding]:
    """Everything about the cell that these settings name."""
    # Its lines about each refused connection would stand beside our sentence, which says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(_looked(settings, retention or Retention()))


async def _looked(settings: RuntimeSettings, retention: Retention) -> list[Finding]:
    found = [one async for one in _database(settings)]
    return found + [one async for one in _kafka(settings, retention)]


async def _database(settings: RuntimeSettings) -> AsyncIterator[Finding]:
    url = settings.database_url
    if url is None or not url.startswith("postgresql"):
        do = "set INTERLOCK_DATABASE_URL to postgresql://user@host:5432/database"
        yield Finding(Level.FAIL, "PostgreSQL", "no database of a cell is named", do)
        return
    try:
        engine = open_postgres(url, size=1)
    except PostgresError as error:
        yield _failed("PostgreSQL", error)
        return
    try:
        await check_schema(engine)
        yield Finding(Level.OK, "PostgreSQL", f"{place(engine.url)} answers, and its tables are up to date")
        head = await _head(settings)
        for one in standing_told(await _caught_up(lambda: read_standing(engine), head), head):
            yield one
    except PostgresError as error:
        yield _failed("PostgreSQL", error)
    finally:
        await engine.dispose()


async def _caught_up(look: Callable[[], Awaitable[CellStanding]], head: int | None) -> CellStanding:
    ends = monotonic() + BEHIND_S
    while True:
        seen = await look()
        if head is None or seen.projected >= head or monotonic() >= ends or not seen.owned:
            return seen
        await asyncio.sleep(LOOK_AGAIN_S)


def standing_told(seen: CellStanding, head: int | None) -> Iterator[Finding]:
    """Relay, projector, letters. `head`: the end of the log a moment before; None: Kafka did not answer."""
    yield _relay(seen)
    yield _owner(seen)
    if seen.owned and head is not None:
        yield _behind(seen, head)
    if seen.letters:
        said = f"{seen.letters} records that nobody could read wait"
        yield Finding(Level.WARN, "dead letters", said, "interlock deadletters list")


def _relay(seen: CellStanding) -> Finding:
    told = f"{seen.waiting} decisions wait for the log, the first for {span(seen.waiting_s)}"
    if seen.waiting and seen.waiting_s > STUCK_S and not seen.relays:
        return Finding(
            Level.FAIL, "relay", f"{told}, and nobody publishes", "start `interlock serve control`"
        )
    if seen.waiting and seen.waiting_s > STUCK_S:
        do = "look at the log of the control plane that is active, and whether it reaches Kafka"
        return Finding(Level.FAIL, "relay", f"it is stuck: {told}", do)
    if not seen.relays:
        do = "start `interlock serve control`"
        return Finding(Level.WARN, "relay", "no control plane publishes decisions", do)
    waits = told if seen.waiting else "every decision is in the log"
    return Finding(Level.OK, "relay", f"one control plane publishes; {waits} (j{seen.decided})")


def _owner(seen: CellStanding) -> Finding:
    if not seen.owned:
        do = "start `interlock serve projector`; one that died is followed within seconds by a standby"
        return Finding(Level.FAIL, "projector", f"nobody holds the lease of {seen.projection}", do)
    said = f"{seen.owner} holds {seen.projection}, epoch {seen.epoch}, generation {seen.generation}"
    return Finding(Level.OK, "projector", said)


def _behind(seen: CellStanding, head: int) -> Finding:
    behind = max(0, head - seen.projected)
    if behind:
        said = f"{seen.projection} stands at {seen.projected} and is {behind} events behind"
        return Finding(
            Level.WARN, "projection", said, "look at the log of the projector that holds the lease"
        )
    return Finding(Level.OK, "projection", f"{seen.projection} has the end of the log, {seen.projected}")


async def _head(settings: RuntimeSettings) -> int | None:
    """The end of the log; None: it cannot be asked, which the looks at Kafka tell."""
    try:
        reader = TopicReader(KafkaConnection.of(settings), Topics(settings.topic_prefix).events)
    except Unreachable:
        return None
    try:
        return await reader.end()
    except Unreachable:
        return None
    finally:
        await reader.close()


async def _kafka(settings: RuntimeSettings, retention: Retention) -> AsyncIterator[Finding]:
    try:
        connection = KafkaConnection.of(settings)
        found = await provision(
            connection, Topics(settings.topic_prefix), retention=retention, look_only=True
        )
    except (Unreachable, TopicRefused) as error:
        yield _failed("Kafka", error)
        return
    yield Finding(Level.OK, "Kafka", f"{connection.where} answers")
    for one in topics_told(found):
        yield one


def topics_told(found: Provisioned) -> Iterator[Finding]:
    """The topics: one line when all is well, else one for each thing that is not."""
    if found.missing:
        said = f"{', '.join(found.missing)} {'is' if len(found.missing) == 1 else 'are'} missing"
        yield Finding(Level.FAIL, "topics", said, "run `interlock migrate`")
    for flaw in found.flaws:
        said, _, do = flaw.partition(": ")
        yield Finding(Level.FAIL, "topics", said, do)
    if not found.missing and not found.flaws:
        copies = f"{found.replication} cop{'y' if found.replication == 1 else 'ies'}"
        yield Finding(Level.OK, "topics", f"all {len(found.sound)} are as they must be, {copies}")


def _failed(what: str, error: Exception) -> Finding:
    said, _, do = str(error).rpartition(": ")
    return Finding(Level.FAIL, what, said or str(error), do if said else "")
