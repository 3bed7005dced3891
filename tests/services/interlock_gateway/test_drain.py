"""A gateway process that is told to stop: who runs may end, who comes is told, who stays too long is cut."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from interlock_domain.projection.rows import all_rows, commit_row
from interlock_testing.behaviour import At, healthy, stall
from interlock_testing.running import declaring
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import ServerProcess, free_port, until
from tests.drills.rig.cell import GatewayProcess
from tests.services.interlock_gateway.topics import folded
from tests.services.interlock_gateway.wire import DONE, LAST_CHUNK, connected, request
from tests.services.over_http import TOKEN, over_http

LONG_S = 30.0
DRAIN = "120s"
"""Longer than anything that is waited for here."""
ENDED_WELL = 0
pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def gateway(folder: Path, config: str, *words: str, **more: str) -> AsyncIterator[GatewayProcess]:
    """A gateway of its own process that follows a control plane of ours, and has no Kafka."""
    async with over_http() as control:
        state = folded(config)
        await control.feed.publish(commit_row(state, generation=1, epoch=1), all_rows(state))
        port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
        process = ServerProcess(
            [sys.executable, "-m", "interlock_cli", "serve", "gateway", "--port", str(port), *words],
            url=f"http://127.0.0.1:{port}/healthz",
            log_path=folder / "gateway.log",
            env=inherited
            | {
                "INTERLOCK_FEED": control.url,
                "INTERLOCK_ADMIN_TOKEN": TOKEN,
                "INTERLOCK_DATA_DIR": str(folder),
                **more,
            },
        )
        async with GatewayProcess("gw-d", port, process) as started:
            await started.ready()
            await until(lambda: _every_worker_is_ready(started), timeout_s=LONG_S, what="every worker")
            yield started


async def _every_worker_is_ready(one: GatewayProcess) -> bool:
    # Which worker answers is the kernel's choice, anew for each connection.
    asked = [await one.http.get("/readyz", headers={"connection": "close"}) for _ in range(16)]
    return all(answer.status_code == 200 for answer in asked)


def draining(atlas: SimulatedProvider, drain: str) -> str:
    return declaring({"atlas": atlas.url}, more=f"server: {{drain: {drain}}}")


async def ended(process: ServerProcess) -> int | None:
    await until(lambda: process.exit_status() is not None, timeout_s=LONG_S, what="the process to end")
    return process.exit_status()


async def test_running_requests_end_and_new_ones_are_refused_meanwhile(tmp_path, atlas):
    atlas.behaviour = stall(At.CONTENT)
    async with gateway(tmp_path, draining(atlas, DRAIN)) as one:
        async with connected(one.port) as kept, connected(one.port) as stream, connected(one.port) as unary:
            await kept.send(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n")
            assert (await kept.answer())[0] == 200
            await stream.send(request(stream=True))
            await unary.send(request())
            await stream.until(b"word1")
            await until(lambda: atlas.open == 2, what="both calls")
            os.kill(one.process.pid, signal.SIGTERM)

            async def refuses() -> bool:
                return (await one.http.get("/readyz")).status_code == 503

            await until(refuses, timeout_s=LONG_S, what="the gateway to say that it stops")
            await kept.send(request(user="x" * 300_000))  # more than is read in one go
            head = (await kept.until(b"\r\n\r\n")).lower()
            refusal = json.loads(await kept.rest())
            fresh = [await one.chat(), await one.http.post("/v1/messages", content=b"{}")]
            assert one.process.exit_status() is None, "it waits for those who run"
            atlas.release()
            whole = await unary.until(b"\r\n\r\n")
            streamed = await stream.until(LAST_CHUNK)
        assert await ended(one.process) == ENDED_WELL
    assert head.startswith(b"http/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in head
    assert refusal["error"]["code"] == "shutdown"
    assert [answer.status_code for answer in fresh] == [503, 503]
    assert {answer.headers["connection"] for answer in fresh} == {"close"}
    assert {answer.headers["x-interlock-reason"] for answer in fresh} == {"shutdown"}
    assert not any("x-should-retry" in answer.headers for answer in fresh), "another gateway may well answer"
    assert fresh[1].json()["error"]["type"] == "overloaded_error"
    assert whole.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in whole
    assert DONE in streamed
    assert atlas.abandoned == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_who_is_not_done_in_time_is_told_in_band_and_cut_off(tmp_path, atlas, workers):
    atlas.behaviour = stall(At.CONTENT)
    words = ("--workers", str(workers)) if workers > 1 else ()
    async with gateway(tmp_path, draining(atlas, "300ms"), *words) as one:
        async with connected(one.port) as stream, connected(one.port) as unary:
            await stream.send(request(stream=True))
            await unary.send(request())
            await stream.until(b"word1")
            await until(lambda: atlas.open == 2, what="both calls")
            began = asyncio.get_running_loop().time()
            os.kill(one.process.pid, signal.SIGTERM)
            broken = await stream.rest()
            status, body = await unary.answer()
            assert await ended(one.process) == ENDED_WELL
            took = asyncio.get_running_loop().time() - began
    assert json.loads(broken.rstrip(b"\r\n").rsplit(b"data: ", 1)[1])["error"]["code"] == "shutdown"
    assert DONE not in broken
    assert not broken.endswith(LAST_CHUNK)
    assert (status, body["error"]["code"]) == (503, "shutdown")
    assert 0.3 <= took < 25, "not what the drain time is where nothing is said"
    assert "Traceback" not in one.process.log()


async def test_a_gateway_at_rest_ends_at_once_and_a_second_signal_ends_it_whatever_runs(tmp_path, atlas):
    async with gateway(tmp_path, draining(atlas, DRAIN)) as one:
        assert (await one.chat()).status_code == 200
        os.kill(one.process.pid, signal.SIGTERM)
        async with asyncio.timeout(LONG_S):
            assert await ended(one.process) == ENDED_WELL
        await one.start()
        await one.ready()
        atlas.behaviour = healthy(interval_ms=50, chunks=10_000)
        async with connected(one.port) as stream:
            await stream.send(request(stream=True))
            await stream.until(b"word1")
            os.kill(one.process.pid, signal.SIGTERM)
            await until(lambda: _stops(one.http), timeout_s=LONG_S, what="the stop to begin")
            os.kill(one.process.pid, signal.SIGTERM)
            rest = await stream.rest()
        assert await ended(one.process) == 130
    assert DONE not in rest


async def _stops(http: httpx2.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 503


async def test_a_port_that_others_reach_serves_nobody_until_keys_are_declared_or_it_is_told_to(
    tmp_path, atlas
):
    config = draining(atlas, "0s")
    async with gateway(tmp_path, config, "--host", "0.0.0.0") as one:
        refused = [await one.chat(), await one.http.get("/v1/models")]
        assert (await one.http.get("/readyz")).status_code == 200
    async with gateway(tmp_path, config, "--host", "0.0.0.0", INTERLOCK_OPEN="1") as other:
        assert (await other.chat()).status_code == 200
    for answer in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no_keys_declared")
        assert "INTERLOCK_OPEN=1" in answer.json()["error"]["message"]
    assert "requests are refused" in one.process.log()
    assert "whoever reaches it may use every pool" in other.process.log()
    assert atlas.attempts == 1
