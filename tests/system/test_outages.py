"""The drills of a world that breaks around a cell, at small scale."""

import pytest

from tests.drills import broken_route, fault_layer, soak, target_outage
from tests.drills.rig.cell import Cell
from tests.drills.rig.circle import Parts

FEW = Parts(gateways=2, projectors=1)
"""A process costs seconds to start; quorum and slots need two gateways."""


@pytest.fixture
def cell(kafka, topics, database_url, tmp_path) -> Cell:
    return Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)


@pytest.mark.slow
async def test_nobody_sees_an_error_when_a_target_dies_and_the_fleet_probes_it_one_at_a_time(cell):
    options = target_outage.Options(
        parts=FEW,
        seconds=13.0,
        per_second=60.0,
        dies_s=2.0,
        returns_s=9.0,
        latency_ms=200,
        initial_ms=700,
        max_ms=1_400,
        interval_ms=500,
        ramp_ms=700,
    )
    findings = await target_outage.run(options, cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["failed probes"] > 0
    assert findings.counts["attempts at the dead target before the fleet knew"] > 0


@pytest.mark.slow
async def test_one_gateway_with_a_broken_route_does_not_cool_a_target_that_others_use(cell):
    findings = await broken_route.run(broken_route.Options(parts=FEW, rates=(20.0,), seconds=5.0), cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["fleet cooldowns at 20 requests/s"] == 0


@pytest.mark.slow
async def test_whatever_producers_repeat_tear_and_delay_every_reading_ends_in_one_state(cell):
    findings = await fault_layer.run(fault_layer.Options(seed=3, rounds=1, sends=25), cell)
    assert findings.verdict == "ok", findings.missed


@pytest.mark.slow
async def test_a_soak_tells_what_a_request_costs_in_storage_and_memory(cell):
    options = soak.Options(
        parts=Parts(gateways=1, projectors=1, reactors=True),
        minutes=0.15,
        per_second=40.0,
        every_s=0.5,
        well_s=2.0,
        fails_s=1.0,
    )
    findings = await soak.run(options, cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.figures["table bytes a request"].keys() >= {"journal", "view"}
    last = findings.figures["resident at the last reading, MB"]
    assert last.keys() == {"control", "projector-0", "reactors-0", "gw-0"}
    assert min(last.values()) > 0
