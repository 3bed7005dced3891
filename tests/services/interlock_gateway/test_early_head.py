"""A head before the content, for proxies that give up; what fails after it is told inside the stream."""

import asyncio
import gc
import json
from typing import Any

import anthropic
import openai
import pytest

from interlock_domain.words import Outcome, Result
from interlock_gateway.heartbeat import Heartbeat
from interlock_testing.behaviour import At, Behaviour, Kind, fail, healthy, stall
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.running import declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    HeldProvider,
    chunk,
    connected,
    newest,
    pieces,
    request,
    sdk,
    streamed,
)

HEAD = "streams: {head_after: 50ms, heartbeat: 60ms}"
EARLY = f"{{{HEAD}, timeouts: {{first_token: 300ms}}}}"
UNHURRIED = f"{{{HEAD}, attempts: {{retries_per_target: 0}}}}"
COMMENT = b": keep-alive\n"
SLOW = healthy(first_token_ms=250)


async def test_the_head_and_comments_come_before_the_content():
    content = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk()))
        await content.wait()
        await peer.send(pieces(chunk("hi"), chunk(finish="stop"), DONE) + LAST_CHUNK)

    gc.collect()  # what other tests of this process have left is none of ours
    async with MisbehavingServer(script) as upstream:
        config = declaring(
            {"a": f"{upstream.url}/v1"}, policy="{streams: {head_after: 50ms, heartbeat: 60ms}}"
        )
        async with running(config) as loop, connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            head = await client.until(b"\r\n\r\n")
            first = await client.until(COMMENT)
            second = await client.until(COMMENT)
            content.set()
            rest = await client.until(LAST_CHUNK)
            record = await newest(loop)
            beating = [each for each in gc.get_objects() if type(each) is Heartbeat]
    assert beating == []
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    assert fields[b"content-type"] == b"text/event-stream"
    assert fields[b"cache-control"] == b"no-cache"
    assert fields[b"x-request-id"] == fields[b"request-id"] == record.request_id.encode()
    assert b"x-interlock-target" not in fields
    assert b"x-interlock-attempts" not in fields
    assert b"data" not in first + second
    assert rest.index(b"assistant") < rest.index(b'"hi"') < rest.index(DONE)
    assert (record.result, record.status) == (Result.ANSWERED, 200)


async def test_a_quick_answer_has_its_usual_head(atlas):
    policy = "{streams: {head_after: 20s, heartbeat: 60ms}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        got = await loop.chat(stream=True)
    assert got.headers["x-interlock-target"] == "atlas/large"
    assert COMMENT not in got.content


async def test_a_whole_answer_is_none_of_its_business(atlas):
    atlas.behaviour = SLOW
    async with running(declaring({"atlas": atlas.url}, policy=EARLY)) as loop:
        got = await loop.chat()
    assert got.json()["choices"]
    assert got.headers["x-interlock-target"] == "atlas/large"


async def test_another_target_may_still_answer(breeze):
    broken = Behaviour(kind=Kind.CUT, at=At.PREAMBLE, latency_ms=1)
    async with (
        HeldProvider("atlas", broken) as atlas,
        running(declaring({"atlas": atlas.url, "breeze": breeze.url}, policy=UNHURRIED)) as loop,
        sdk(loop) as client,
    ):
        stream = await client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Say hello"}], stream=True
        )
        atlas.release()  # the head is there, and its answer is not
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        record = await newest(loop)
    assert text.startswith("breeze word1")
    assert [attempt.outcome for attempt in record.attempts] == [Outcome.FAILED, Outcome.SUCCEEDED]


async def test_a_refusal_of_ours_is_told_inside_the_stream_and_then_cut_off(atlas):
    atlas.behaviour = stall(At.PREAMBLE)
    async with (
        running(declaring({"atlas": atlas.url}, policy=EARLY)) as loop,
        connected(loop.gateway.port) as client,
    ):
        await client.send(request(stream=True))
        got = await client.rest()
        record = await newest(loop)
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert got.count(b"HTTP/1.1") == 1
    assert not got.endswith(LAST_CHUNK)
    error = json.loads(got.rstrip(b"\r\n").rsplit(b"data: ", 1)[1])["error"]
    assert error["code"] == "attempts_failed"
    assert "1 attempt failed" in error["message"]
    assert (record.result, record.reason, record.status) == (Result.EXHAUSTED, "attempts_failed", 200)


async def test_an_upstreams_own_refusal_is_told_in_its_words(atlas):
    body = '{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}'
    atlas.behaviour = Behaviour(**{**_fields(fail(400, body)), "latency_ms": 150})
    async with (
        running(declaring({"atlas": atlas.url}, policy=UNHURRIED)) as loop,
        sdk(loop) as client,
    ):
        with pytest.raises(openai.APIError, match="too long") as told:
            await streamed(client)
        record = await newest(loop)
    assert told.value.code == "context_length_exceeded"
    assert (record.result, record.status) == (Result.UPSTREAM_REFUSED, 200)


def _fields(behaviour: Behaviour) -> dict[str, Any]:
    return {name: getattr(behaviour, name) for name in behaviour.__struct_fields__}


@pytest.mark.parametrize("api", ["responses", "messages"])
async def test_the_official_clients_of_the_other_apis_raise(atlas, api):
    atlas.behaviour = stall(At.PREAMBLE)
    url = atlas.root_url if api == "messages" else atlas.url
    config = declaring({"atlas": url}, policy=EARLY).replace("api_key: none", f"api_key: none, apis: [{api}]")
    read = _read_messages if api == "messages" else _read_responses
    async with running(config) as loop:
        with pytest.raises((openai.APIError, anthropic.APIError), match="1 attempt failed"):
            await read(loop.url)


async def _read_responses(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        async for _ in await client.responses.create(model="chat", input="hi", stream=True):
            pass


async def _read_messages(url: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client:
        asked: Any = [{"role": "user", "content": "hi"}]
        async for _ in await client.messages.create(model="chat", max_tokens=9, messages=asked, stream=True):
            pass


async def test_a_client_that_leaves_between_the_head_and_the_content_ends_it(atlas):
    atlas.behaviour = stall(At.PREAMBLE)
    policy = "{streams: {head_after: 50ms}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await client.until(COMMENT)
        record = await newest(loop)
        await until(lambda: atlas.open == 0, what="the upstream's answer to be given up")
    assert record.result is Result.CLIENT_ABORT


async def test_a_gateway_that_stops_says_so_inside_the_stream(atlas):
    atlas.behaviour = stall(At.PREAMBLE)
    policy = "{streams: {head_after: 50ms}}"
    async with running(declaring({"atlas": atlas.url}, policy=policy)) as loop:
        async with connected(loop.gateway.port) as client:
            await client.send(request(stream=True))
            await client.until(COMMENT)
            await loop.gateway.service.stop(drain_s=0.0, flush_s=20.0)
            got = await client.rest()
    assert b'"code":"shutdown"' in got
    assert not got.endswith(LAST_CHUNK)
