"""The ground of a cluster, made step by step: tables, topics, one history, and its state feed's generation.

Rule: each step says its line as soon as it is done, and each may be done again without harm; the generation
goes up last, so that a run which failed before has not raised it. Nothing here alters a topic that exists.
"""

from collections.abc import AsyncIterator

from msgspec import Struct

from interlock_cli.bootstrap import open_stores
from interlock_cli.mend import Line, differing, mend
from interlock_cli.refusal import Refusal
from interlock_domain.catalog.config import Config
from interlock_domain.catalog.kinds.units import write_duration
from interlock_domain.projection.windows import least_retention_ms
from interlock_eventlog.reunion import Divided
from interlock_runtime import migrate
from interlock_runtime.kafka.connection import KafkaConnection, Topics, Unreachable
from interlock_runtime.kafka.provision import Provisioned, TopicRefused, provision
from interlock_runtime.kafka.sender import Unsent
from interlock_runtime.postgres import PostgresError, SchemaBehind
from interlock_runtime.settings import RuntimeSettings


class Wanted(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    config: Config
    replication: int | None = None
    look_only: bool = False
    new_generation: bool = False


async def ground(settings: RuntimeSettings, wanted: Wanted) -> AsyncIterator[Line]:
    """Every step, in order; raises Refusal."""
    url = _database(settings)
    retention = wanted.config.retention
    least = least_retention_ms(wanted.config.policy, wanted.config.targets)
    if retention.events_ms < least:
        raise Refusal(
            f"retention.events is {write_duration(retention.events_ms)}, and it must be at least "
            f"{write_duration(least)}, twice the longest time that the fold looks back: raise it in the file"
        )
    wrong = False
    try:
        connection = KafkaConnection.of(settings)
        yield await _schema(url, wanted)
        topics = Topics(settings.topic_prefix)
        found = await provision(
            connection,
            topics,
            retention=retention,
            replication=wanted.replication,
            look_only=wanted.look_only,
        )
        for line in _of_topics(found):
            wrong = wrong or line.wrong
            yield line
        if wrong:
            return
        async for line in _one_history(settings, wanted, found):
            wrong = wrong or line.wrong
            yield line
        if not wrong:
            yield await _generation(settings, wanted)
    except (PostgresError, Unreachable, Unsent, TopicRefused, Divided) as error:
        raise Refusal(str(error)) from error


def _database(settings: RuntimeSettings) -> str:
    url = settings.database_url
    if url is None or not url.startswith("postgresql"):
        said = "is not set" if url is None else "names no PostgreSQL"
        raise Refusal(
            f"INTERLOCK_DATABASE_URL {said}: set it to postgresql://user@host:5432/database (only a cluster "
            "is migrated; `interlock quickstart` makes its own tables)"
        )
    return url


async def _schema(url: str, wanted: Wanted) -> Line:
    if wanted.look_only:
        state = await migrate.schema_state(url)
        if not state.current:
            says = f"{state.present or 'no tables yet'}, and {state.head} is wanted: run `interlock migrate`"
            return Line(what="schema", says=says, todo=True)
    else:
        state = await migrate.upgrade(url)
    if state.current:
        return Line(what="schema", says=f"{state.head}, up to date")
    was = f"was {state.present}" if state.present else "the database was empty"
    return Line(what="schema", says=f"{state.head}, migrated ({was})")


def _of_topics(found: Provisioned) -> list[Line]:
    copies = f"{found.replication} cop{'y' if found.replication == 1 else 'ies'}"
    return [
        *(Line(what="topic", says=f"{name} is as it must be") for name in found.sound),
        *(Line(what="topic", says=f"{name} made, {copies}") for name in found.created),
        *(
            Line(what="topic", says=f"{name} is missing: run `interlock migrate`", todo=True)
            for name in found.missing
        ),
        *(Line(what="topic", says=sentence, wrong=True) for sentence in found.flaws),
    ]


async def _one_history(settings: RuntimeSettings, wanted: Wanted, found: Provisioned) -> AsyncIterator[Line]:
    """Journal, log, views and feed against each other. A look at what is not there yet finds nothing."""
    if wanted.look_only and (found.missing or not (await migrate.schema_state(_database(settings))).current):
        return
    async with open_stores(settings) as stores:
        if wanted.new_generation:
            for line in await mend(stores):
                yield line
        else:
            async for line in differing(stores):
                yield line


async def _generation(settings: RuntimeSettings, wanted: Wanted) -> Line:
    url = _database(settings)
    if wanted.new_generation:
        async with open_stores(settings) as stores:
            newest = await stores.newest()
        new = await migrate.new_generation(url, above=newest.generation if newest is not None else 0)
        return Line(
            what="generation",
            says=f"{new}: gateways take whatever position the feed shows next, even a lower one; start the "
            "projectors and the control planes now",
        )
    try:
        return Line(what="generation", says=str(await migrate.generation(url)))
    except SchemaBehind:
        return Line(what="generation", says="none yet", todo=True)
