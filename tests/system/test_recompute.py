"""Decisions of a running quickstart, recomputed in a second process from a copy of its log."""

import pytest

from tests.drills.recompute import Options, run


@pytest.mark.slow
@pytest.mark.timeout(300)  # two processes and 1,200 requests
async def test_every_recorded_decision_is_recomputed_equal_and_a_rewritten_failure_shows(tmp_path):
    findings = await run(Options(seed=3, requests=1_200), tmp_path)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["equal"] == 1_200
    assert findings.counts["after the rewrite: differ, taken during that cooldown"] >= 1
    assert findings.counts["after the rewrite: differ, with an earlier snapshot"] == 0
