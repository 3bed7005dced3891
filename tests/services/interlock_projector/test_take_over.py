"""Projectors as processes: killed, frozen and stopped owners, and services that go away under them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Self

import pytest
from sqlalchemy import text

from interlock_runtime.postgres import transaction
from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.services.process import ServiceProcess
from interlock_testing.waiting import free_port, until
from tests.services.interlock_projector.cell import (
    MEMBER,
    NAME,
    PATIENCE_S,
    WRITTEN,
    Cell,
    careless_process,
    opened_cell,
    pid_of,
    projector_process,
)

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
async def cell(kafka, topics, database_url) -> AsyncIterator[Cell]:
    async with opened_cell(kafka.bootstrap, topics, database_url) as opened:
        yield opened


class Pair:
    """Two projectors, by which of them owns."""

    def __init__(self, cell: Cell, folder) -> None:
        self._cell = cell
        self.ports = [free_port() for _ in range(2)]
        self.both = [
            projector_process(cell, folder, f"at-{port}", "--port", str(port)) for port in self.ports
        ]

    async def __aenter__(self) -> Self:
        for one in self.both:
            one.spawn()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for one in self.both:
            one.go_on()
            one.kill()

    async def owner(self, *, beyond: int = 0) -> tuple[ServiceProcess, ServiceProcess, int]:
        """The owner under an epoch beyond this one, the other, and that epoch; the owner has caught up."""

        async def found() -> tuple[ServiceProcess, ServiceProcess, int] | None:
            row = await self._cell.owned(beyond=beyond)  # it may lose it on a busy machine, before it says so
            owner, other = sorted(self.both, key=lambda one: one.pid != pid_of(row.owner))
            assert owner.pid == pid_of(row.owner)
            return (owner, other, row.epoch) if await self._said(owner, "owner of") else None

        owner, other, epoch = await until(found, timeout_s=PATIENCE_S, what="an owner that says so")
        return owner, other, epoch

    async def says(self, one: ServiceProcess, word: str) -> None:
        """Wait until it says so of itself, and that it is ready."""
        await until(
            lambda: self._said(one, word), timeout_s=PATIENCE_S, what=f"a projector that says `{word}`"
        )

    async def _said(self, one: ServiceProcess, word: str) -> bool:
        return f"\r\n\r\n{word}" in (await _get(self.ports[self.both.index(one)], "/readyz") or "")

    def name(self, one: ServiceProcess) -> str:
        """What the database knows it by."""
        return f"at-{self.ports[self.both.index(one)]}"

    def log(self) -> str:
        return "".join(one.log() for one in self.both)


async def test_a_killed_owner_is_succeeded_by_the_standby_with_nothing_lost(cell, tmp_path):
    async with Pair(cell, tmp_path) as pair:
        await cell.declared()
        await cell.committed(await cell.outage())
        owner, _, epoch = await pair.owner()
        publishing = asyncio.create_task(_keep_telling(cell))
        owner.kill()
        _, _, later = await pair.owner(beyond=epoch)
        assert later == epoch + 1
        await cell.committed(await publishing)
        await cell.views_equal_the_fold()
        assert "Traceback" not in pair.log()


async def test_a_frozen_owner_that_wakes_up_after_its_lease_writes_nothing(cell, tmp_path):
    async with Pair(cell, tmp_path) as pair:
        await cell.declared()
        await cell.committed(await cell.outage())
        zombie, successor, epoch = await pair.owner()
        zombie.pause()
        await pair.owner(beyond=epoch)
        await cell.committed(await cell.outage(12))
        await _note_writers(cell)
        zombie.go_on()
        await pair.says(zombie, "standby of")
        await cell.committed(await cell.outage())
        assert successor.running
        assert zombie.running, "a fenced owner stands by again"
        assert await _writers(cell) == {pair.name(successor)}
        await cell.views_equal_the_fold()
        successor.kill()
        again, _, _ = await pair.owner(beyond=epoch + 1)
        assert again is zombie
        await cell.committed(await cell.outage())
        await cell.views_equal_the_fold()
        assert "Traceback" not in pair.log()


async def test_a_frozen_owner_that_never_looks_at_its_lease_is_stopped_by_the_epoch_alone(cell, tmp_path):
    """Its successor, the test, moves nothing: position and rows still stand as the zombie left them."""
    zombie = careless_process(cell, tmp_path)
    zombie.spawn()
    try:
        await cell.declared()
        await cell.committed(await cell.outage())
        row = await until(cell.row, timeout_s=PATIENCE_S, what="an owner")
        assert pid_of(row.owner) == zombie.pid
        zombie.pause()
        later = await until(
            lambda: cell.leases.acquire(NAME, "test:0:successor", 3600.0),
            timeout_s=PATIENCE_S,
            what="the lease to run out",
        )
        await cell.outage(12)
        before = await cell.written()
        zombie.go_on()
        await until(
            lambda: "it stands by from now on" in zombie.log(), timeout_s=PATIENCE_S, what="the fence"
        )
        assert await cell.written() == before
        await cell.leases.release(later)
        assert pid_of((await cell.owned(beyond=later.epoch)).owner) == zombie.pid
        await cell.committed(await cell.outage())
        await cell.views_equal_the_fold()
    finally:
        zombie.go_on()
        zombie.kill()


async def test_an_owner_that_is_asked_to_stop_gives_its_lease_back(cell, tmp_path):
    async with Pair(cell, tmp_path) as pair:
        await cell.declared()
        await cell.committed(await cell.outage())
        owner, other, epoch = await pair.owner()
        async with transaction(cell.engine) as connection:  # it could not be waited for
            sql = "UPDATE projection SET lease_until = lease_until + interval '1 hour'"
            await connection.execute(text(sql))
        await owner.stop(timeout_s=PATIENCE_S)
        assert not owner.running
        assert (await pair.owner(beyond=epoch))[0] is other
        assert "Traceback" not in pair.log()


async def test_health_is_answered_over_http(cell, tmp_path):
    port = free_port()
    process = projector_process(cell, tmp_path, "alone", "--port", str(port))
    process.spawn()
    try:

        async def owns() -> bool:  # a standby is ready too, and for a moment is not when it takes over
            return "owner of" in (await _get(port, "/readyz") or "")

        await until(owns, timeout_s=PATIENCE_S, what="the ownership")
        metrics = await _get(port, "/metrics") or ""
        assert "interlock_projector_ready 1" in metrics
    finally:
        await process.stop(timeout_s=PATIENCE_S)


async def test_kafka_and_then_postgresql_may_go_away_and_come_back(local_kafka, local_postgres, tmp_path):
    topics = fresh_topics()
    brokers, server = local_kafka.cluster(tmp_path), local_postgres.server()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(brokers.stop)
        await brokers.start()
        stack.push_async_callback(server.remove)
        await server.start()
        await create_topics(brokers.bootstrap, topics)
        url = await stack.enter_async_context(server.database())
        async with opened_cell(brokers.bootstrap, topics, url) as cell:
            port = free_port()
            process = projector_process(cell, tmp_path, "alone", "--port", str(port))
            process.spawn()
            try:
                await cell.declared()
                await cell.committed(await cell.outage())
                await until(lambda: _get(port, "/readyz"), timeout_s=PATIENCE_S, what="readiness")
                brokers.kill(1)
                await until(lambda: "Kafka" in process.log(), timeout_s=PATIENCE_S, what="a word")
                await brokers.start_again(1)
                await cell.committed(await cell.outage(1))
                server.kill()
                await until(lambda: "PostgreSQL at" in process.log(), timeout_s=PATIENCE_S, what="a word")
                await server.start_again()
                await cell.committed(await cell.outage(1))
                await cell.views_equal_the_fold()
                assert process.running
                assert "Traceback" not in process.log()
                assert '"trace"' not in process.log()
                assert process.log().count("\n") < 40, process.log()
            finally:
                await process.stop(timeout_s=PATIENCE_S)


async def _keep_telling(cell: Cell) -> int:
    position = 0
    for _ in range(20):
        position = await cell.outage(2)
        await asyncio.sleep(0.05)
    return position


async def _note_writers(cell: Cell) -> None:
    """From now on each write to the tables of projectors is noted, and who made it."""
    statements = [
        "CREATE TABLE noted (written text, member text)",
        (
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"INSERT INTO noted VALUES (TG_TABLE_NAME, current_setting('{MEMBER}', true)); "
            "RETURN NULL; END $$"
        ),
    ]
    statements += [
        f"CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION note()"
        for table in WRITTEN
    ]
    async with transaction(cell.engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def _writers(cell: Cell) -> set[str]:
    async with transaction(cell.engine) as connection:
        return set((await connection.execute(text("SELECT DISTINCT member FROM noted"))).scalars())


async def _get(port: int, path: str) -> str | None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
    finally:
        writer.close()
    return answer if answer.startswith("HTTP/1.1 200") else None
