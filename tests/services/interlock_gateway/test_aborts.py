"""Clients that leave, and a gateway that stops: nothing is learnt about the target, everything is told."""

import asyncio
import json

import httpx2
import pytest

from interlock_domain.events import AttemptFailed, GatewayReported
from interlock_domain.words import Outcome, Result
from interlock_testing.behaviour import At, fail, healthy, stall
from interlock_testing.misbehave import MisbehavingServer, silence
from interlock_testing.running import CHAT, RunningLoop, asking, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import DONE, LAST_CHUNK, connected, given_back, newest, request

WAITING = {
    "before headers": (stall(At.HEADERS), False),
    "streamed, before headers": (stall(At.HEADERS), True),
    "after the preamble": (stall(At.PREAMBLE), True),
    "after content": (stall(At.CONTENT), True),
    "in the body": (stall(At.CONTENT), False),
    "amid content": (healthy(interval_ms=20, chunks=500), True),
}


@pytest.mark.parametrize(("behaviour", "stream"), WAITING.values(), ids=WAITING)
async def test_a_client_that_leaves_takes_the_upstream_call_with_it(atlas, breeze, behaviour, stream):
    atlas.behaviour = behaviour
    async with running(declaring({"atlas": atlas.url, "breeze": breeze.url})) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=stream))
            await until(lambda: atlas.open == 1, what="the upstream call")
            if behaviour.at is At.CONTENT and stream:
                await client.until(b"word1")
        # Every limit of the policy is longer than this wait.
        await until(lambda: atlas.abandoned == 1, what="the upstream to see the close")
        gateway = loop.gateway.service.gateway
        await until(lambda: not gateway.exchanges, what="the slot to be free")
        record = await newest(loop)
        await given_back(loop)
        assert await loop.facts(AttemptFailed) == []
        assert (await loop.chat("breeze/large")).status_code == 200
    assert record.result is Result.CLIENT_ABORT
    assert [a.outcome for a in record.attempts] == [Outcome.ABORTED]
    assert record.attempts[0].failure is None
    assert record.status == (200 if behaviour.at is At.CONTENT and stream else None)
    assert record.duration_ms >= record.attempts[0].ended_ms >= record.attempts[0].started_ms
    assert breeze.attempts == 1


async def test_a_client_that_leaves_while_a_retry_waits_is_no_further_attempt(atlas):
    atlas.behaviour = fail(500)
    policy = "{attempts: {backoff: {initial: 5s, max: 5s}}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request())
            await until(lambda: loop.facts(AttemptFailed), what="the first attempt to have failed")
        record = await newest(loop)
    assert record.result is Result.CLIENT_ABORT
    assert [a.outcome for a in record.attempts] == [Outcome.FAILED]
    assert atlas.attempts == 1


async def test_a_client_that_leaves_while_connecting_leaves_no_connection():
    async with MisbehavingServer(silence) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            async with connected(loop.gateway.port) as client:
                await client.send(request())
                await until(lambda: upstream.open == 1, what="the connection")
            await until(lambda: upstream.open == 0, what="its end")
            record = await newest(loop)
    assert record.result is Result.CLIENT_ABORT


async def test_a_client_that_leaves_within_its_body_is_no_request(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(user="x" * 10_000)[:5_000])
            await until(lambda: loop.gateway.service.gateway.exchanges, what="the request")
        await until(lambda: not loop.gateway.service.gateway.exchanges, what="its end")
        assert (await loop.chat()).status_code == 200
    assert atlas.attempts == 1


async def test_the_slot_of_a_client_that_left_is_free(atlas):
    atlas.behaviour = stall(At.HEADERS)
    config = declaring({"atlas": atlas.url}, more="server: {max_concurrent: 1}")
    async with running(config) as loop:
        for _ in range(3):
            async with connected(loop.gateway.port) as client:
                await client.send(request())
                await until(lambda: atlas.open == 1, what="the call")
                crowded = await loop.chat()
                assert crowded.status_code == 429
                assert crowded.headers["x-interlock-reason"] == "concurrency"
                assert crowded.headers["retry-after"] == "1"
            await until(lambda: not loop.gateway.service.gateway.exchanges, what="the slot to be free")
            await until(lambda: atlas.open == 0, what="the call to be over")
    assert atlas.attempts == 3


async def _stopping(loop: RunningLoop, *, drain_s: float) -> None:
    await loop.gateway.service.stop(drain_s=drain_s, flush_s=20.0)


async def test_a_stopping_gateway_ends_streams_in_band_and_whole_answers_by_503(atlas):
    atlas.behaviour = stall(At.CONTENT)
    async with running(declaring({"atlas": atlas.url})) as loop:
        async with connected(loop.gateway.port) as stream, connected(loop.gateway.port) as unary:
            await stream.send(request(stream=True))
            await unary.send(request())
            await stream.until(b"word1")
            await until(lambda: atlas.open == 2, what="both calls")
            await _stopping(loop, drain_s=0.0)
            broken = await stream.rest()
            status, body = await unary.answer()
        facts = await loop.facts(GatewayReported)
        failed = await loop.facts(AttemptFailed)
        found = [await newest(loop, n) for n in (0, 1)]
    error = json.loads(broken.rstrip(b"\r\n").rsplit(b"data: ", 1)[1])["error"]
    assert error["code"] == "shutdown"
    assert DONE not in broken
    assert not broken.endswith(LAST_CHUNK)
    assert (status, body["error"]["code"]) == (503, "shutdown")
    assert {r.result for r in found} == {Result.SHUTDOWN}
    assert {r.status for r in found} == {200, 503}
    assert all([a.outcome for a in r.attempts] == [Outcome.ABORTED] for r in found)
    assert failed == []
    assert [f.moment for f in facts][0 :: len(facts) - 1] == ["start", "stop"]


async def test_a_stopping_gateway_lets_running_requests_end_and_refuses_new_ones(atlas):
    atlas.behaviour = stall(At.HEADERS)
    async with running(declaring({"atlas": atlas.url})) as loop:
        one = asyncio.create_task(loop.chat())
        two = asyncio.create_task(loop.chat(stream=True))
        await until(lambda: atlas.open == 2, what="both calls")
        stop = asyncio.create_task(_stopping(loop, drain_s=30.0))
        await until(lambda: loop.gateway.service.gateway.stopping, what="the stop to begin")
        refused = await loop.chat()
        ready = await loop.http.get("/readyz")
        alive = await loop.http.get("/healthz")
        assert not stop.done(), "it waits for those who run"
        atlas.release()
        answers = await asyncio.gather(one, two)
        await stop
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[1].content.endswith(DONE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutdown")
    assert refused.headers.get("x-should-retry") != "false"
    assert (ready.status_code, alive.status_code) == (503, 200)


async def test_a_stop_flushes_what_the_rings_hold(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answers = [await loop.chat() for _ in range(20)]
        await _stopping(loop, drain_s=0.0)
        records = [await loop.records.get(a.headers["x-request-id"]) for a in answers]
        gateway = loop.gateway.service.gateway
    assert all(record is not None and record.result is Result.ANSWERED for record in records)
    assert len(gateway.ring) == 0


async def test_a_client_that_never_reads_does_not_hold_up_the_stop(atlas):
    atlas.behaviour = healthy(chunks=90_000)  # more than the kernel holds of what nobody reads
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(stream=True))
        await client.until(b"word9", timeout_s=40)
        client.pause()
        async with asyncio.timeout(20):  # a client may take longer than that to read
            await _stopping(loop, drain_s=0.0)
        client.resume()


async def test_a_closed_sdk_connection_is_an_abort(atlas):
    atlas.behaviour = healthy(interval_ms=20, chunks=500)
    async with running(declaring({"atlas": atlas.url})) as loop:
        async with httpx2.AsyncClient(base_url=loop.url) as http:
            async with http.stream("POST", CHAT, content=asking(stream=True)) as answer:
                async for _ in answer.aiter_raw():
                    break
        record = await newest(loop)
    assert record.result is Result.CLIENT_ABORT
