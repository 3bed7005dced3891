"""A cell whose wires are guarded: SASL over TLS to Kafka, TLS and a password to PostgreSQL."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from interlock_testing.running import declaring
from interlock_testing.services.cells import fresh_topics
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.cluster_fixtures import held
from tests.drills.rig.cell import Cell
from tests.libs.interlock_runtime import locked as postgres
from tests.libs.interlock_runtime.kafka.guarded import PASSWORD, WRONG, Guarded, guarded_broker
from tests.libs.interlock_runtime.locked import Locked, locked_server

LONG_S = 60.0
REFUSES = "refuses the user or the password"
SECRETS = (PASSWORD, WRONG, postgres.PASSWORD, postgres.WRONG)


class GuardedCell(Cell, frozen=True, kw_only=True):
    """A cell whose processes are given papers."""

    papers: dict[str, str]

    def environment(self, name: str, **more: str) -> dict[str, str]:
        return super().environment(name, **self.papers | more)


@pytest.fixture(scope="module")
def guarded(local_kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with held(guarded_broker(local_kafka, tmp_path_factory.mktemp("guarded"))) as one:
        yield one


@pytest.fixture(scope="module")
def locked(tls_postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    with held(locked_server(tls_postgres, tmp_path_factory.mktemp("locked"))) as one:
        yield one


@pytest.fixture
def cell(tmp_path: Path, guarded: Guarded, locked: Locked) -> GuardedCell:
    """Right papers; the password for Kafka stands in a file."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return GuardedCell(
        folder=tmp_path,
        bootstrap=guarded.cluster.guarded("SASL_SSL"),
        topics=fresh_topics(),
        database_url=locked.url(sslmode="verify-full", sslrootcert=locked.ca),
        papers={
            "INTERLOCK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "INTERLOCK_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "INTERLOCK_KAFKA_SASL_USERNAME": "alice",
            "INTERLOCK_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"),
            "INTERLOCK_KAFKA_CA": guarded.ca,
        },
    )


@asynccontextmanager
async def running(*processes: Any) -> AsyncIterator[None]:
    """All of them, started at once: each spends seconds on imports."""
    async with AsyncExitStack() as stack:
        for one in processes:
            stack.push_async_callback(one.stop if isinstance(one, ServerProcess) else one.close)
        await asyncio.gather(*(getattr(one, "process", one).start(timeout_s=LONG_S) for one in processes))
        yield


def migrated(cell: Cell, **more: str) -> subprocess.CompletedProcess[str]:
    """`interlock migrate`, ended."""
    command = [sys.executable, "-m", "interlock_cli", "migrate", "--replication", "1"]
    return subprocess.run(
        command,
        env=cell.environment("migrate", **more),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def warned(process: ServerProcess, said: str) -> list[str]:
    """The messages of its log that say this."""
    whole, _, _ = process.log().rpartition("\n")  # the last line may be half written
    lines = [json.loads(line) for line in whole.split("\n") if line.startswith("{")]
    return [one["message"] for one in lines if said in one["message"]]


@pytest.mark.timeout(300)
async def test_with_the_right_papers_the_whole_circle_turns(cell: GuardedCell):
    config = cell.folder / "interlock.yaml"
    done = await asyncio.to_thread(migrated, cell)
    assert done.returncode == 0, done.stdout + done.stderr
    async with SimulatedProvider("atlas") as atlas:
        config.write_text(declaring({"atlas": atlas.url}))
        control, projector = cell.control("control", "--config", str(config)), cell.projector("projector")
        gateway = cell.gateway("gw-1")
        async with running(control, projector, gateway):
            await gateway.ready()
            assert (await gateway.chat()).status_code == 200

            async def seen() -> bool:
                return "gw-1" in (await control.http.get("/gateways")).text

            await until(seen, timeout_s=LONG_S, what="the gateway's report to come back to the control plane")
        logs = [one.log() for one in (control.process, projector, gateway.process)]
    assert not any(secret in log for log in logs for secret in SECRETS)
    assert not any("Traceback" in log for log in logs)


@pytest.mark.timeout(300)
async def test_with_a_wrong_password_for_kafka_each_service_says_so_now_and_then(cell: GuardedCell):
    (cell.folder / "wrong").write_text(WRONG)
    wrong: dict[str, Any] = {"INTERLOCK_KAFKA_SASL_PASSWORD_FILE": str(cell.folder / "wrong")}
    done = await asyncio.to_thread(migrated, cell, **wrong)
    assert done.returncode == 1
    assert REFUSES in done.stdout + done.stderr
    gateway = cell.gateway("gw-1", **wrong)
    services = {
        name: cell.process(name, name, port=free_port(), **wrong) for name in ("control", "projector")
    }
    async with running(gateway, *services.values()):
        services["gateway"] = gateway.process
        for name, one in services.items():
            await until(partial(warned, one, REFUSES), timeout_s=LONG_S, what=f"the {name} to say why")

        async def long_away() -> bool:
            page = (await gateway.http.get("/metrics")).text
            return float(page.partition("\ninterlock_outcomes_waiting ")[2].split()[0]) >= 3

        await until(long_away, timeout_s=LONG_S, what="three reports that wait, two seconds apart")
    for name, one in services.items():
        assert len(warned(one, REFUSES)) <= 8, f"{name} repeats itself: {warned(one, REFUSES)}"
        assert "Traceback" not in one.log()
        assert not any(secret in one.log() for secret in SECRETS)
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


@pytest.mark.timeout(300)
async def test_with_a_wrong_password_for_postgres_services_say_so_without_it(
    cell: GuardedCell, locked: Locked
):
    wrong = locked.url(password=postgres.WRONG, sslmode="verify-full", sslrootcert=locked.ca)
    done = await asyncio.to_thread(migrated, cell, INTERLOCK_DATABASE_URL=wrong)
    assert done.returncode == 1
    assert REFUSES in done.stdout + done.stderr
    services = [
        cell.process(name, name, port=free_port(), INTERLOCK_DATABASE_URL=wrong)
        for name in ("control", "projector")
    ]

    async def says(one: ServerProcess) -> None:
        with contextlib.suppress(RuntimeError):  # one that refuses to start ends before it answers
            await one.start(timeout_s=LONG_S)
        await until(lambda: REFUSES in one.log(), timeout_s=LONG_S, what="the sentence")

    try:
        await asyncio.gather(*(says(one) for one in services))
    finally:
        await asyncio.gather(*(one.stop() for one in services))
    for text in (*(one.log() for one in services), done.stdout + done.stderr):
        assert "Traceback" not in text
        assert not any(secret in text for secret in SECRETS)
