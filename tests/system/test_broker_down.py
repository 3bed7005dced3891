"""A broker that is away for some seconds while targets fail and recover."""

import pytest

from tests.drills.broker_down import Options, breakable_cell, run
from tests.drills.rig.circle import Parts


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_outcomes_that_had_to_wait_for_the_broker_cool_no_target_that_is_well_again(
    local_kafka, database_url, tmp_path
):
    async with breakable_cell(tmp_path, local_kafka, database_url) as (cell, cluster):
        findings = await run(
            Options(parts=Parts(gateways=2, projectors=1), minutes=0.2, per_second=60.0), cell, cluster
        )
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["failures told after the return"] > 0
