"""A gateway process in a cell: it follows the state topic, and its facts and records stand on theirs."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from interlock_domain.events import AttemptFailed, GatewayReported
from interlock_domain.recorded import RecordedEvent, Source
from interlock_runtime.secrets import credential_fingerprint
from interlock_testing.behaviour import fail
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import until
from tests.drills.rig.cell import Cell, GatewayProcess
from tests.services.interlock_gateway.topics import CLUSTER_KEY_BYTES, facts, publish, records

NEVER = "{cooldown: {strikes: 1000, consecutive: 1000}, budgets: {retry_floor_per_s: 100}}"
"""No breaker opens and no budget ends, so that each request fails at the first target."""
LONG_S = 50.0
"""Facts that are older than a minute are not told any more."""


@pytest.fixture
def cell(tmp_path: Path, kafka: Any, topics: Any) -> Cell:
    """A cell on the broker that all tests share."""
    return Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics)


def two(atlas: SimulatedProvider, breeze: SimulatedProvider) -> str:
    """Both in one pool; atlas is asked first, with a credential."""
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=NEVER)
    return config.replace("api_key: none", "api_key: env:ATLAS_KEY", 1)


def sources(found: list[RecordedEvent]) -> list[Source]:
    """Whose facts they are, in the order of the log."""
    return [one.source for one in found if one.source is not None]


def failures(found: list[RecordedEvent]) -> list[RecordedEvent]:
    """The failed attempts among them, each once: a batch whose answer was lost is sent again."""
    return list({one.id: one for one in reversed(found) if isinstance(one.event, AttemptFailed)}.values())


async def until_facts(
    cell: Cell, enough: Callable[[list[RecordedEvent]], bool], what: str
) -> list[RecordedEvent]:
    """The log, once it holds what is waited for."""
    found: list[RecordedEvent] = []

    async def looked() -> bool:
        found[:] = await facts(cell)
        return enough(found)

    await until(looked, timeout_s=LONG_S, what=what)
    return found


async def test_a_gateway_is_not_ready_before_a_snapshot_then_serves_and_tells_both_topics(
    cell, atlas, breeze
):
    atlas.behaviour = fail(429)
    async with cell.gateway("gw-1", ATLAS_KEY="sk-atlas") as gateway:
        page = await gateway.http.get("/readyz")
        assert (page.status_code, "interlock apply" in page.text) == (503, True)
        early = await gateway.chat()
        assert (early.status_code, early.json()["error"]["code"]) == (503, "not_ready")
        assert "interlock apply" in early.json()["error"]["message"]

        await publish(cell, two(atlas, breeze))
        await gateway.ready()
        answer = await gateway.chat()
        assert (answer.status_code, answer.headers["x-interlock-target"]) == (200, "breeze/large")
        found = await until_facts(cell, lambda log: bool(failures(log)), "the failed attempt")

        async def recorded() -> bool:
            return any(one.request_id == answer.headers["x-request-id"] for one in await records(cell))

        await until(recorded, timeout_s=LONG_S, what="the request record")
        await gateway.process.stop(timeout_s=60)
        assert gateway.process.exit_status() == 0
    assert isinstance(found[0].event, GatewayReported), "the first fact of a boot is a report"
    assert {one.stream for one in found} == {"gateway/gw-1"}
    (failed,) = failures(found)
    assert isinstance(failed.event, AttemptFailed)
    assert (failed.event.target, failed.event.request) == ("atlas/large", answer.headers["x-request-id"])
    before = [one.event for one in found if one.position < failed.position]
    known = [one.fingerprints for one in before if isinstance(one, GatewayReported) and one.fingerprints]
    assert known[-1] == {"atlas": credential_fingerprint(CLUSTER_KEY_BYTES, "sk-atlas")}
    told = [one.event for one in await facts(cell) if isinstance(one.event, GatewayReported)]
    assert [told[0].moment, told[-1].moment] == ["start", "stop"]
    assert "sk-atlas" not in gateway.process.log()


async def test_with_kafka_away_requests_go_on_and_after_a_restart_too(tmp_path, local_kafka, atlas, breeze):
    from interlock_testing.services.cells import create_topics, fresh_topics

    atlas.behaviour = fail(429)
    cluster = local_kafka.cluster(tmp_path / "kafka")
    await cluster.start()
    topics = fresh_topics()
    await create_topics(cluster.bootstrap, topics)
    cell = Cell(folder=tmp_path, bootstrap=cluster.bootstrap, topics=topics)
    gateway = cell.gateway("gw-1", ATLAS_KEY="sk-atlas")
    try:
        await publish(cell, two(atlas, breeze))
        await gateway.start()
        await gateway.ready()
        await gateway.chat()
        await until_facts(cell, lambda log: len(failures(log)) == 1, "the first failure")
        saved = cell.folder / "gw-1" / "gateway" / "last-known-good"
        await until(saved.exists, timeout_s=LONG_S, what="the last known good file")

        cluster.kill(1)
        answers = [await gateway.chat() for _ in range(12)]
        assert [one.status_code for one in answers] == [200] * 12
        await until(
            lambda: "do not reach the log" in gateway.process.log(), timeout_s=LONG_S, what="a word about it"
        )
        await cluster.start_again(1)
        found = await until_facts(cell, lambda log: len(failures(log)) == 13, "all failures")
        in_order_and_whole(found)

        cluster.kill(1)
        await gateway.process.stop(timeout_s=60)
        assert gateway.process.exit_status() == 0
        await gateway.start()
        await gateway.ready()
        assert (await gateway.chat()).status_code == 200
    finally:
        await gateway.close()
        await cluster.stop()
    assert gateway.process.log().count("Traceback") == 0
    assert gateway.process.log().count("outcomes do not reach the log") <= 4, "once an outage, not once a try"


def in_order_and_whole(found: list[RecordedEvent]) -> None:
    """No sequence is missing; what the fold would skip as known is all that comes twice."""
    first = list(dict.fromkeys(one.seq for one in sources(found)))
    assert first == list(range(1, len(first) + 1))
    assert len({one.id for one in found}) == len(first)


@pytest.fixture
async def pair(cell: Cell, atlas: SimulatedProvider) -> AsyncIterator[GatewayProcess]:
    """One gateway of two workers, with a snapshot that both hold."""
    await publish(cell, declaring({"atlas": atlas.url}))
    async with cell.gateway("gw-2", workers=2) as gateway:
        await gateway.ready()
        yield gateway


def workers(gateway: GatewayProcess) -> dict[int, int]:
    """Worker number -> process, of the last life of each."""
    told = re.findall(r"worker (\d) is process (\d+)", gateway.process.log())
    return {int(number): int(pid) for number, pid in told}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_workers_share_a_port_with_identities_of_their_own_and_a_dead_one_is_replaced(cell, pair):
    def both(log: list[RecordedEvent]) -> bool:
        return {one.worker for one in sources(log)} == {1, 2}

    before = await until_facts(cell, both, "reports of both workers")
    boots = {(one.worker, one.boot) for one in sources(before)}
    assert len(boots) == 2
    assert {one.gateway for one in sources(before)} == {"gw-2"}

    killed = workers(pair)[1]
    os.kill(killed, signal.SIGKILL)
    after = await until_facts(
        cell, lambda log: len({one.boot for one in sources(log)}) == 3, "a third boot on the log"
    )
    assert len({one.boot for one in sources(after) if one.worker == 1}) == 2
    assert workers(pair)[1] != killed

    async def answered() -> bool:
        answers = await asyncio.gather(*(pair.chat() for _ in range(8)), return_exceptions=True)
        return all(not isinstance(one, BaseException) and one.status_code == 200 for one in answers)

    await until(answered, timeout_s=LONG_S, what="both workers to answer")
    assert await pair.process.stop(timeout_s=60) == 0
    assert all(gone(pid) for pid in workers(pair).values())


async def test_workers_do_not_outlive_a_supervisor_that_was_killed(pair):
    await until(lambda: len(workers(pair)) == 2, timeout_s=LONG_S, what="both workers to be named")
    left = workers(pair)
    os.kill(pair.process.pid, signal.SIGKILL)
    await until(lambda: all(gone(pid) for pid in left.values()), timeout_s=LONG_S, what="their end")
