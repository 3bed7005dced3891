"""A gateway that reaches a control plane and no Kafka: it follows, reports, and outlives the plane."""

from pathlib import Path
from typing import Any

import pytest

from interlock_domain.events import AttemptFailed, GatewayReported
from interlock_domain.recorded import RecordedEvent
from interlock_runtime.secrets import credential_fingerprint
from interlock_testing.behaviour import fail
from interlock_testing.running import declaring
from interlock_testing.waiting import until
from tests.drills.rig.cell import Cell, GatewayProcess
from tests.services.interlock_gateway.topics import CLUSTER_KEY_BYTES, facts, publish

NEVER = "{cooldown: {strikes: 1000, consecutive: 1000}, budgets: {retry_floor_per_s: 100}}"
LONG_S = 50.0


@pytest.fixture
def cell(tmp_path: Path, kafka: Any, topics: Any, database_url: str) -> Cell:
    return Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)


def failures(found: list[RecordedEvent]) -> list[RecordedEvent]:
    return [one for one in found if isinstance(one.event, AttemptFailed)]


async def until_failures(cell: Cell, wanted: int) -> list[RecordedEvent]:
    """The log, once so many attempts have failed in it."""
    found: list[RecordedEvent] = []

    async def there() -> bool:
        found[:] = await facts(cell)
        return len({one.id for one in failures(found)}) >= wanted

    await until(there, timeout_s=LONG_S, what=f"{wanted} failures in the log")
    return found


async def test_a_gateway_without_kafka_follows_and_reports_through_a_control_plane(cell, atlas, breeze):
    atlas.behaviour = fail(429)
    config = declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=NEVER)
    await publish(cell, config.replace("api_key: none", "api_key: env:ATLAS_KEY", 1))
    control = cell.control("control")
    lonely = {"INTERLOCK_FEED": control.url, "INTERLOCK_KAFKA_BOOTSTRAP": "", "ATLAS_KEY": "sk-atlas"}
    async with control, cell.gateway("gw-h", **lonely) as gateway:
        await gateway.ready()
        assert (await gateway.chat()).headers["x-interlock-target"] == "breeze/large"
        found = await until_failures(cell, 1)
        assert isinstance(found[0].event, GatewayReported), "the first fact of a boot is a report"
        known = [one.event.fingerprints for one in found if isinstance(one.event, GatewayReported)]
        assert known[-1] == {"atlas": credential_fingerprint(CLUSTER_KEY_BYTES, "sk-atlas")}

        await control.process.stop(timeout_s=60)
        assert [(await gateway.chat()).status_code for _ in range(5)] == [200] * 5
        await until(
            lambda: "what is held stays in force" in gateway.process.log(),
            timeout_s=LONG_S,
            what="a word of it",
        )
        await control.start()
        found = await until_failures(cell, 6)
        sequence = list(dict.fromkeys(one.source.seq for one in found if one.source is not None))
        assert sequence == list(range(1, len(sequence) + 1)), "in order, and none is missing"

        await publish(cell, declaring({"breeze": breeze.url}), position=1_000)
        await until(lambda: _asks(gateway, "breeze/large", "1"), timeout_s=LONG_S, what="the next snapshot")
    assert (gateway.process.exit_status(), control.process.exit_status()) == (0, 0)
    assert "Traceback" not in gateway.process.log() + control.process.log()


async def _asks(gateway: GatewayProcess, target: str, attempts: str) -> bool:
    answer = await gateway.chat()
    return (answer.headers["x-interlock-target"], answer.headers["x-interlock-attempts"]) == (
        target,
        attempts,
    )
