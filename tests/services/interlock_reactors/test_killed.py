"""Reactors as processes: killed in the middle, stopped in order, and in front of things that are missing."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from interlock_testing.services.cells import create_topics, fresh_topics
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.services.interlock_reactors.cell import ENVIRONMENT, PATIENCE_S, Cell, batch, numbered, opened
from tests.services.interlock_reactors.hook import Hook, hook

BATCHES = 60
ALERTS = 60


def process(cell: Cell, folder: Path) -> ServerProcess:
    """`interlock serve reactors`, not started."""
    port = free_port()
    given = {
        "INTERLOCK_KAFKA_BOOTSTRAP": ",".join(cell.settings.kafka_bootstrap),
        "INTERLOCK_TOPIC_PREFIX": cell.topics.prefix,
        "INTERLOCK_DATABASE_URL": cell.settings.database_url or "",
        "INTERLOCK_DATA_DIR": str(folder),
        **ENVIRONMENT,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    return ServerProcess(
        [sys.executable, "-m", "interlock_cli", "serve", "reactors", "--port", str(port)],
        url=f"http://127.0.0.1:{port}/healthz",
        log_path=folder / "reactors.log",
        env=inherited | given,
    )


def told(hears: Hook, share: int) -> bool:
    """So many different alerts have come."""
    return len(set(hears.ids)) >= share


@asynccontextmanager
async def running(one: ServerProcess) -> AsyncIterator[ServerProcess]:
    """Started, and killed at the latest on leaving."""
    await one.start(timeout_s=PATIENCE_S)
    try:
        yield one
    finally:
        one.kill()


def page(one: ServerProcess, path: str) -> str:
    """A page of its health port, whatever its status."""
    try:
        with urllib.request.urlopen(one.url.replace("/healthz", path), timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        with refused:
            return f"{refused.code} {refused.read().decode()}"


@pytest.mark.slow
async def test_killed_in_the_middle_nothing_is_lost_and_repeats_have_the_same_id(cell: Cell, tmp_path: Path):
    async with hook() as hears:
        await cell.alert({"url": hears.url, "secret": "env:HOOK", "on": ["cooldown"]})
        one = process(cell, tmp_path)
        await cell.observe(*(opened(100 + n) for n in range(ALERTS)))
        await cell.sender.send(
            cell.topics.requests, [batch(numbered(1 + 20 * n, 20), partition=n % 12) for n in range(BATCHES)]
        )
        for share in (2, 25):
            async with running(one):
                await until(partial(told, hears, share), timeout_s=PATIENCE_S, what="some alerts")
        async with running(one):
            await until(lambda: len(set(hears.ids)) == ALERTS, timeout_s=PATIENCE_S, what="every alert")

            async def complete() -> bool:
                return len(await cell.kept()) == 20 * BATCHES

            await until(complete, timeout_s=PATIENCE_S, what="every record")
            assert await one.stop(timeout_s=PATIENCE_S) == 0
    wanted = [f"routing-1:{100 + n}:0" for n in range(ALERTS)]
    assert list(dict.fromkeys(hears.ids)) == wanted, "first tellings are in order"
    assert len(hears.ids) <= ALERTS + 3, "at most the one under way at each kill comes again"
    assert all(heard.is_signed() for heard in hears.heard)
    assert await cell.letters() == []
    assert "Traceback" not in one.log()
    assert ENVIRONMENT["HOOK"] not in one.log()


@pytest.mark.slow
async def test_missing_topics_are_named_and_waited_for_and_metrics_are_there(kafka, database_url, tmp_path):
    topics = fresh_topics()
    cell = Cell(kafka.bootstrap, topics, database_url)
    try:
        one = process(cell, tmp_path)
        async with running(one):
            await until(
                lambda: "interlock migrate" in page(one, "/readyz"), timeout_s=PATIENCE_S, what="a word"
            )
            assert page(one, "/readyz").startswith("503 waiting")
            await create_topics(kafka.bootstrap, topics)
            await until(
                lambda: page(one, "/readyz").startswith("ready"), timeout_s=PATIENCE_S, what="readiness"
            )
            assert "\ninterlock_reactors_ready 1\n" in page(one, "/metrics")
            assert page(one, "/nothing").startswith("404")
            assert await one.stop(timeout_s=PATIENCE_S) == 0
        assert "Traceback" not in one.log()
        said = [line for line in one.log().splitlines() if "interlock migrate" in line]
        assert 1 <= len(said) <= 2, "said once for each topic that is waited for, not once a try"
    finally:
        await cell.shut()
