"""`interlock serve projector`: the names of a projection that it refuses."""

import pytest

from interlock_projector.serve import serve
from interlock_runtime.settings import RuntimeSettings


@pytest.mark.parametrize(
    "name", ["routing", "routing-", "routing-0", "other-1", "routing-1; DROP TABLE view"]
)
async def test_a_projection_that_has_no_number_is_refused(name, capsys):
    given = RuntimeSettings(
        gateway_id="test", kafka_bootstrap=("127.0.0.1:9",), database_url="postgresql://127.0.0.1/x"
    )
    assert await serve(given, projection=name) == 1
    told = capsys.readouterr().err
    assert "write routing-2" in told
    assert told.count("\n") == 1
