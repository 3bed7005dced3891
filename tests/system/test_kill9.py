"""kill -9 under writes, a few times."""

import pytest

from tests.drills.kill9 import Drill, Options, Progress
from tests.drills.rig.book import IN_TIME

ROUNDS = 5
NOT_HERE = ("there were ", IN_TIME)
"""Whether every kind of rest was in force at a restart is for two hundred rounds to say, not for five; and a
second more or less says nothing while other tests keep the machine busy."""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_after_kill_9_nothing_acknowledged_is_lost_and_what_was_decided_is_in_force(tmp_path):
    drill = Drill(Options(seed=5, rounds=ROUNDS), tmp_path, Progress(seed=5))
    findings = await drill.run()
    missed = [name for name, held in findings.checks.items() if not held and not name.startswith(NOT_HERE)]
    assert missed == [], findings.missed
    assert findings.counts["kills under writes"] == ROUNDS
    assert findings.counts["words answered"] > 0
    assert findings.counts["checked after restarts"]["manual states"] > 0
    assert (tmp_path / "progress.json").exists()
