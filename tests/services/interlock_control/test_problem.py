"""What stores say becomes a status: a full disk is 507 whichever store it is, everything else away is 503."""

import httpx2
import pytest
from fastapi import FastAPI

from interlock_control.problem import install
from interlock_runtime.postgres import DatabaseFull, DatabaseUnreachable, PostgresError
from interlock_runtime.sqlite_errors import StorageBusy, StorageFull


@pytest.mark.parametrize(
    ("error", "status", "soon"),
    [
        (DatabaseFull, 507, False),
        (StorageFull, 507, False),
        (DatabaseUnreachable, 503, True),
        (StorageBusy, 503, True),
    ],
)
async def test_given_a_store_that_cannot_write_then_the_status_tells_a_full_disk_from_an_outage(
    error: type[Exception], status: int, soon: bool
) -> None:
    app = FastAPI()
    install(app, (PostgresError,))

    @app.get("/")
    async def ask() -> None:
        raise error("free some space")

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://control") as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.json()["detail"]) == (status, "free some space")
    assert ("retry-after" in answer.headers) == soon
