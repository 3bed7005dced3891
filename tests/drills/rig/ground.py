"""A cell of a drill's own: real services of this machine, fresh names in them, a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.settings import service_settings
from interlock_testing.services.tiers import (
    Missing,
    find_kafka,
    find_postgres,
    running_kafka,
    running_postgres,
)
from tests.drills.rig.cell import Cell


@asynccontextmanager
async def opened_cell(folder: Path) -> AsyncIterator[Cell]:
    """The cell; a service that this machine does not have ends the drill with a line that says so."""
    kafka, postgres = find_kafka(service_settings()), find_postgres(service_settings())
    if isinstance(kafka, Missing):
        raise SystemExit(kafka.line)
    if isinstance(postgres, Missing):
        raise SystemExit(postgres.line)
    async with running_kafka(kafka, folder / "kafka") as brokers, running_postgres(postgres) as server:
        topics = fresh_topics()
        await create_topics(brokers.bootstrap, topics)
        async with server.database() as url:
            yield Cell(folder=folder, bootstrap=brokers.bootstrap, topics=topics, database_url=url)
