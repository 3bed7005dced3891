"""What one request or one upstream may make a gateway hold or wait for."""

import asyncio
import json
import tracemalloc

import openai
import pytest

from interlock_domain.words import FailureClass
from interlock_gateway.unary import MAX_ANSWER, MAX_REFUSAL
from interlock_protocols.streams.scanner import MAX_EVENT
from interlock_testing.behaviour import At, stall
from interlock_testing.misbehave import MisbehavingServer, Peer, Script, always
from interlock_testing.running import CHAT, RunningLoop, asking, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    QUICK,
    STREAM_HEAD,
    chunk,
    connected,
    given_back,
    newest,
    pieces,
    request,
    sdk,
    whole,
)

MIB = 1024 * 1024
ONCE = "{attempts: {retries_per_target: 0}}"
LARGE_S = 20.0


async def test_a_body_of_40_mib_passes_where_the_setting_allows_it(atlas):
    content = [{"role": "user", "content": "x" * (40 * MIB)}]
    config = declaring({"atlas": atlas.url}, more="server: {max_body: 48MiB}")
    async with running(config) as loop:
        body = json.dumps({"model": "chat", "messages": content}).encode()
        answer = await loop.http.post(CHAT, content=body)
    assert answer.status_code == 200
    assert len(atlas.requests[0].body) == len(body) + len("large") - len("chat")


@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
async def test_a_body_whose_length_is_above_the_limit_is_refused_before_it_is_sent(atlas, path):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(f"POST {path} HTTP/1.1\r\nhost: g\r\ncontent-length: {33 * MIB}\r\n\r\n{{".encode())
        status, body = await client.answer()
    assert status == 413
    assert body["error"]["type"] == ("invalid_request_error" if path == CHAT else "request_too_large")


def flood(start: bytes, again: bytes, sent: list[int]) -> Script:
    """Answer with `start`, then with `again` until the gateway leaves; `sent` counts its bytes."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        sent.append(0)
        while True:
            await peer.send(again)
            sent[-1] += len(again)

    return script


PIECE = bytes(range(32, 127)) * 10_000
OK, OCTETS = b"HTTP/1.1 200 OK\r\n", b"content-type: application/json\r\n"
REFUSED = b"HTTP/1.1 500 Oops\r\n" + OCTETS + b"\r\n"
ENDLESS = {
    "garbage for an answer": (OK + OCTETS + b"\r\n", PIECE, False, MAX_ANSWER),
    "garbage for a refusal": (REFUSED, PIECE, False, MAX_REFUSAL),
    "garbage for a refusal of a stream": (REFUSED, PIECE, True, MAX_REFUSAL),
    "one event without end": (STREAM_HEAD, b"%x\r\n%b\r\n" % (len(PIECE), PIECE), True, MAX_EVENT),
    "headers without end": (OK, b"x-more: 1\r\n" * 1_000, False, 2 * MIB),
    "one header without end": (OK + b"x-more: ", b"x" * 10_000, False, 2 * MIB),
    "a status line without end": (b"HTTP/1.1 200 ", b"x" * 10_000, False, 2 * MIB),
    "interim answers without end": (
        b"",
        b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 100,
        False,
        2 * MIB,
    ),
    "chunk extensions without end": (STREAM_HEAD + b"5;", b"x" * 10_000, True, 2 * MIB),
}
IN_KERNEL = 12 * MIB
"""Bytes that both kernels hold of what nobody reads, at most: a socket's two buffers on loopback."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("start", "again", "stream", "held"), ENDLESS.values(), ids=ENDLESS)
async def test_an_upstream_without_end_is_a_failed_attempt_in_bounded_memory(
    breeze, start, again, stream, held
):
    sent: list[int] = []
    async with MisbehavingServer(flood(start, again, sent)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=ONCE)
        async with running(config) as loop:
            await loop.chat("breeze/large")
            tracemalloc.start()
            try:
                answer = await loop.http.post(CHAT, content=asking(stream=stream), timeout=60)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            record = await loop.record(answer)
            await until(lambda: upstream.open == 0, timeout_s=LARGE_S, what="the upstream to be let go")
            await given_back(loop)
    assert answer.headers["x-interlock-target"] == "breeze/large"
    assert record.attempts[0].failure in {FailureClass.MALFORMED, FailureClass.SERVER_ERROR}
    assert sum(sent) <= held + IN_KERNEL
    assert peak <= 2 * held + IN_KERNEL  # pieces, and once more as one


def trickle(start: bytes, drop: bytes) -> Script:
    """Answer with `start`, then with a drop every few milliseconds until the gateway leaves."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(drop)
            await asyncio.sleep(0.01)

    return script


TRICKLES = {
    "a head": (b"HTTP/1.1 200 OK\r\nx: ", b"y", False),
    "a head of a stream": (b"HTTP/1.1 200 OK\r\nx: ", b"y", True),
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n", False),
    "a body": (b"HTTP/1.1 200 OK\r\n" + OCTETS + b"content-length: 99999\r\n\r\n", b" ", False),
    "a refusal": (b"HTTP/1.1 500 Oops\r\ncontent-length: 99999\r\n\r\n", b" ", True),
    "comments before content": (STREAM_HEAD, pieces(b": wait\n\n"), True),
    "half an event": (STREAM_HEAD + b"ffff\r\ndata: ", b" ", True),
}


@pytest.mark.parametrize(("start", "drop", "stream"), TRICKLES.values(), ids=TRICKLES)
async def test_an_upstream_that_trickles_has_no_more_time_than_a_silent_one(breeze, start, drop, stream):
    # Two seconds: the target that answers has no more time than the one that does not.
    limits = "{attempts: {retries_per_target: 0}, timeouts: {connect: 2s, response: 2s, first_token: 2s}}"
    async with MisbehavingServer(trickle(start, drop)) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1", "breeze": breeze.url}, policy=limits)
        async with running(config) as loop:
            answer = await loop.chat(stream=stream)
            record = await loop.record(answer)
            await until(lambda: upstream.open == 0, timeout_s=LARGE_S, what="the upstream to be let go")
    assert answer.headers["x-interlock-target"] == "breeze/large"
    first = record.attempts[0]
    assert first.failure in {FailureClass.TIMEOUT, FailureClass.SERVER_ERROR}
    assert 1_900 <= first.ended_ms - first.started_ms < 15_000


async def test_an_event_that_trickles_after_content_stalls_like_a_silent_one():
    config = "{timeouts: {stall: 300ms}}"
    begun = STREAM_HEAD + pieces(chunk(), chunk("hi")) + b"ffff\r\ndata: "
    async with MisbehavingServer(trickle(begun, b" ")) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"}, policy=config)) as loop:
            async with connected(loop.gateway.port) as client:
                await client.send(request(stream=True))
                got = await client.rest()
            record = await newest(loop)
            await until(lambda: upstream.open == 0, timeout_s=LARGE_S, what="the upstream to be let go")
    assert b'"timeout"' in got
    assert not got.endswith(b"0\r\n\r\n")
    assert record.attempts[0].failure is FailureClass.TIMEOUT
    assert record.duration_ms < 15_000


async def held_up(loop: RunningLoop, path: str) -> openai.RateLimitError | None:
    answer = await loop.http.post(path, content=asking(max_tokens=5))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-interlock-reason"] == "concurrency"
    assert "x-should-retry" not in answer.headers
    assert answer.json()["error"]["type"] == "rate_limit_error"
    return None


async def test_a_full_gateway_says_so_in_the_form_of_each_api(atlas):
    atlas.behaviour = stall(At.HEADERS)
    config = declaring({"atlas": atlas.url}, policy=QUICK, more="server: {max_concurrent: 1}")
    async with running(config) as loop:
        running_one = asyncio.create_task(loop.chat())
        await until(lambda: atlas.open == 1, what="the first call")
        for path in (CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings"):
            await held_up(loop, path)
        assert (await loop.http.get("/readyz")).status_code == 200, "pages are no requests"
        async with sdk(loop) as client:
            await client.models.list()
            with pytest.raises(openai.RateLimitError) as refused:
                await client.chat.completions.create(
                    model="chat", messages=[{"role": "user", "content": "x"}]
                )
        atlas.release()
        assert (await running_one).status_code == 200
    assert refused.value.code == "concurrency"


async def test_a_refusal_as_large_as_its_request_is_still_the_callers_fault():
    echoed = json.dumps({"detail": [{"type": "missing", "input": "x" * (4 * MIB)}]}).encode()
    async with MisbehavingServer(always(whole(echoed, status="422 Unprocessable Entity"))) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            for stream in (False, True):
                answer = await loop.chat(stream=stream)
                assert (answer.status_code, answer.content) == (422, echoed)
