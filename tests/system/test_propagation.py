"""The drills of propagation at small scale: everything binds everywhere; how fast is told at full size."""

import pytest

from tests.drills import command_propagation, propagation
from tests.drills.rig.cell import Cell

LATE_MS = 10_000
"""Of a busy machine: what takes longer than this has not come by the way that it should."""


@pytest.fixture
def cell(kafka, topics, database_url, tmp_path) -> Cell:
    return Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)


@pytest.mark.slow
async def test_each_failure_that_one_gateway_saw_comes_into_force_at_all_four(cell):
    options = propagation.Options(seed=3, failures=20, shortest_s=0.05, longest_s=0.15)
    findings = await propagation.run(options, cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["failures that tripped"] == 20
    assert findings.figures["in force on all, ms"]["longest"] < LATE_MS


@pytest.mark.slow
async def test_each_command_of_an_operator_comes_into_force_at_all_four(cell):
    options = command_propagation.Options(seed=3, commands=20, shortest_s=0.05, longest_s=0.15)
    findings = await command_propagation.run(options, cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.figures["in force on all, ms"]["longest"] < LATE_MS
