"""Attempts that fail in every way, and clients that leave: the drill `leaks` at a small scale."""

import pytest

from tests.drills.leaks import Options, run


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_failed_attempts_and_clients_that_leave_leave_nothing_behind(tmp_path) -> None:
    small = Options(attempts=308, warm_share=2.0, streams=80, chunks=20, names=0, limit="200ms")
    findings = await run(small, tmp_path)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["failed attempts"] == 308
