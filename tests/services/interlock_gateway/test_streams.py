"""A streamed answer: the bytes, the deferred commit, heartbeats, and the ends that are none."""

import asyncio
import re
import socket

import pytest

from interlock_domain.words import Outcome, Result
from interlock_testing.behaviour import Behaviour, Kind, healthy
from interlock_testing.misbehave import MisbehavingServer, Peer, always
from interlock_testing.running import CHAT, asking, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import (
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    pieces,
    request,
    sdk,
    streamed,
)

EVENTS = (
    b": OPENROUTER PROCESSING\n\n",
    chunk(),
    chunk("Hé"),
    chunk(' says "data: [DONE]" and response.created\n\n'),
    chunk(finish="stop"),
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
    DONE,
)


@pytest.mark.parametrize("size", [0, 1, 7])
async def test_a_streamed_answer_passes_byte_for_byte_however_it_is_cut(size):
    answer = STREAM_HEAD + pieces(*EVENTS) + LAST_CHUNK
    async with MisbehavingServer(always(answer, size=size)) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            got = await loop.chat(stream=True)
            record = await loop.record(got)
    assert got.content == b"".join(EVENTS)
    assert got.headers["content-type"] == "text/event-stream"
    assert got.headers["x-interlock-target"] == "atlas/large"
    assert got.headers["x-interlock-attempts"] == "1"
    assert got.headers["x-request-id"] == got.headers["request-id"] == record.request_id
    assert record.result is Result.ANSWERED
    assert record.usage is not None
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (3, 2)
    assert record.bytes_out == len(b"".join(EVENTS))
    assert record.ttfc_ms is not None
    assert record.attempts[0].ttft_ms is not None


async def test_the_official_client_reads_a_stream_with_usage(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop, sdk(loop) as client:
        text = await streamed(client, stream_options={"include_usage": True})
    assert text == "atlas word1 word2 word3 word4"
    assert atlas.requests[0].include_usage


async def test_the_preamble_is_held_until_content_and_then_sent_at_once():
    content = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(b": hello\n\n", chunk()))
        await content.wait()
        await peer.send(pieces(chunk("hi"), chunk(finish="stop"), DONE) + LAST_CHUNK)
        await peer.gone()

    async with MisbehavingServer(script) as upstream:
        async with (
            running(declaring({"atlas": f"{upstream.url}/v1"})) as loop,
            connected(loop.gateway.port) as client,
        ):
            await client.send(request(stream=True))
            await until(lambda: upstream.requests, what="the request")
            with pytest.raises(TimeoutError):
                await client.until(b"\r\n\r\n", timeout_s=0.2)
            content.set()
            assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
            first = await client.until(b"hi")
            await client.until(b"0\r\n\r\n")
    assert first.find(b": hello") < first.find(b"assistant") < first.find(b"hi")


async def test_a_preamble_of_too_many_events_is_let_through():
    events = [chunk() for _ in range(9)]
    content = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(*events))
        await content.wait()
        await peer.send(pieces(chunk("hi"), chunk(finish="stop"), DONE) + LAST_CHUNK)

    async with MisbehavingServer(script) as upstream:
        async with (
            running(declaring({"atlas": f"{upstream.url}/v1"})) as loop,
            connected(loop.gateway.port) as client,
        ):
            await client.send(request(stream=True))
            assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
            content.set()
            await client.until(b"0\r\n\r\n")


@pytest.mark.parametrize("end", [LAST_CHUNK, b""], ids=["clean", "cut"])
async def test_an_answer_that_ends_complete_without_its_sentinel_is_finished_with_one(end):
    events = (chunk(), chunk("hi"), chunk(finish="stop"))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(*events) + end)

    async with MisbehavingServer(script) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            got = await loop.chat(stream=True)
            record = await loop.record(got)
    assert got.content == b"".join(events) + DONE
    assert record.result is Result.ANSWERED


async def test_a_complete_answer_whose_upstream_stays_silent_is_finished_without_waiting_for_the_stall(atlas):
    events = (chunk(), chunk("hi"), chunk(finish="stop"))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(*events))
        await peer.gone()

    async with MisbehavingServer(script) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            got = await loop.chat(stream=True)
            record = await loop.record(got)
            await until(lambda: upstream.open == 0, what="the upstream's connection to be closed")
    assert got.content == b"".join(events) + DONE
    assert record.result is Result.ANSWERED
    assert record.duration_ms < 10_000


async def test_a_finished_answer_without_content_is_an_answer():
    events = (chunk(), chunk(finish="length"), DONE)
    async with MisbehavingServer(always(STREAM_HEAD + pieces(*events) + LAST_CHUNK)) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            got = await loop.chat(stream=True)
    assert got.content == b"".join(events)


async def test_a_whole_stream_counts_as_answered_even_if_the_transfer_ends_late():
    release = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk("a")))
        await asyncio.sleep(0.15)  # old enough to be watched for a client that leaves
        await peer.send(pieces(chunk(finish="stop"), DONE))
        await release.wait()
        await peer.send(LAST_CHUNK)

    async with MisbehavingServer(script) as upstream:
        async with running(declaring({"atlas": f"{upstream.url}/v1"})) as loop:
            got = await loop.chat(stream=True)
            await until(lambda: not loop.gateway.service.gateway.exchanges, what="the request's end")
            record = await loop.record(got)
            release.set()
    assert got.content.endswith(DONE)
    assert record.result is Result.ANSWERED
    assert [a.outcome for a in record.attempts] == [Outcome.SUCCEEDED]


async def test_the_upstreams_connection_is_used_again_after_a_stream(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        for _ in range(5):
            await loop.chat(stream=True)
            # The client has its answer before the gateway gives the connection back.
            await until(lambda: not loop.gateway.service.gateway.exchanges, timeout_s=30.0, what="its end")
        assert atlas.connected == 1


async def test_a_silent_stream_gets_comments_with_a_single_newline():
    again = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk("a")))
        await again.wait()
        await peer.send(pieces(chunk("b"), chunk(finish="stop"), DONE) + LAST_CHUNK)

    async with MisbehavingServer(script) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1"}, policy="{streams: {heartbeat: 50ms}}")
        async with running(config) as loop:
            seen = b""
            async with loop.http.stream("POST", CHAT, content=asking(stream=True)) as got:
                async for piece in got.aiter_raw():
                    seen += piece
                    if seen.count(b": keep-alive\n") >= 2:
                        again.set()
            record = await loop.record(got)
    assert re.search(rb"\n\n(: keep-alive\n){2,}data: ", seen)
    assert b": keep-alive\n\n" not in seen
    assert seen.replace(b": keep-alive\n", b"") == chunk("a") + chunk("b") + chunk(finish="stop") + DONE
    assert record.bytes_out == len(seen) - seen.count(b": keep-alive\n") * len(b": keep-alive\n")


async def test_the_official_client_reads_on_over_heartbeats():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk("a")))
        await asyncio.sleep(0.2)  # a few periods of silence
        await peer.send(pieces(chunk("b"), chunk(finish="stop"), DONE) + LAST_CHUNK)

    async with MisbehavingServer(script) as upstream:
        config = declaring({"atlas": f"{upstream.url}/v1"}, policy="{streams: {heartbeat: 20ms}}")
        async with running(config) as loop, sdk(loop) as client:
            assert await streamed(client) == "ab"


async def test_a_busy_stream_gets_no_comments(atlas):
    atlas.behaviour = healthy(interval_ms=20, chunks=60)
    config = declaring({"atlas": atlas.url}, policy="{streams: {heartbeat: 500ms}}")
    async with running(config) as loop:
        got = await loop.chat(stream=True)
    assert b"keep-alive" not in got.content


async def test_a_stream_of_many_events_in_one_read_is_whole(atlas):
    atlas.behaviour = Behaviour(kind=Kind.HEALTHY, chunks=2_000)
    async with running(declaring({"atlas": atlas.url})) as loop, sdk(loop) as client:
        text = await streamed(client)
    assert text.split()[-1] == "word1999"


async def test_a_slow_reader_holds_back_the_upstream_and_loses_nothing(atlas):
    atlas.behaviour = healthy(chunks=150_000)
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        await client.send(request(stream=True, headers={"Connection": "close"}))
        await client.until(b"word9")
        client.pause()
        await asyncio.sleep(0.3)  # the reader's pause
        (held,) = loop.gateway.service.gateway.exchanges
        assert held.bytes_out < 15_000_000
        client.resume()
        rest = await client.rest(timeout_s=50)
    assert b"word149999" in rest
    assert rest.endswith(b"0\r\n\r\n")
