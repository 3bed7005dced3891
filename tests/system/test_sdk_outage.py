"""The official SDK while a provider is killed and restarted twice, for some seconds."""

import pytest

from tests.drills.sdk_outage import Options, run


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_nobody_sees_an_error_before_content_and_a_cut_stream_never_looks_like_success(tmp_path):
    findings = await run(Options(seconds=10.0, initial="500ms", longest="700ms", probe="200ms"), tmp_path)
    assert findings.verdict == "ok", findings.missed
    assert findings.counts["kills"] == 2
    assert findings.counts["whole requests answered"] == findings.counts["whole requests"] >= 100
