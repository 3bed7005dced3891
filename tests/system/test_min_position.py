"""What one control plane was told, every other one shows to whoever asks with the position of the answer."""

import pytest

from tests.drills.min_position import Options, run
from tests.drills.rig.cell import Cell


@pytest.mark.slow
async def test_no_read_at_another_control_plane_is_older_than_a_write(kafka, topics, database_url, tmp_path):
    cell = Cell(folder=tmp_path, bootstrap=kafka.bootstrap, topics=topics, database_url=database_url)
    findings = await run(Options(seed=5, pairs=300), cell)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["pairs"] == 300
