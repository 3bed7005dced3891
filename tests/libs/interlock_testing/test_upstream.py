"""The simulated provider fails as told, over real sockets, and counts what reached it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from interlock_protocols.chat.scanner import ChatScanner, End, Verdict
from interlock_testing.answers import text
from interlock_testing.behaviour import (
    At,
    Behaviour,
    Kind,
    cut,
    error_in_200,
    fail,
    healthy,
    repeating,
    stall,
)
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.waiting import free_port, until

CHAT = "/chat/completions"


@pytest.fixture
async def atlas() -> AsyncIterator[SimulatedProvider]:
    async with SimulatedProvider("atlas") as provider:
        yield provider


@pytest.fixture
async def client(atlas: SimulatedProvider) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=atlas.url, trust_env=False) as client:
        yield client


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "m-1", "messages": [{"role": "user", "content": "hi"}]} | fields


async def stream(client: httpx2.AsyncClient, **fields: Any) -> tuple[bytes, Exception | None]:
    """What came of a streamed answer, and how it broke."""
    got = b""
    try:
        async with client.stream("POST", CHAT, json=request(stream=True, **fields)) as response:
            async for piece in response.aiter_raw():
                got += piece
    except httpx2.TransportError as error:
        return got, error
    return got, None


def end_of(got: bytes) -> tuple[Verdict, End]:
    scanner = ChatScanner()
    return scanner.feed(got), scanner.end()


async def test_a_whole_answer_says_who_answered(atlas, client):
    answer = (await client.post(CHAT, json=request())).json()
    assert answer["choices"][0]["message"]["content"] == text("atlas", 5)
    assert answer["model"] == "m-1"
    assert answer["usage"]["completion_tokens"] == 5
    assert (atlas.attempts, atlas.finished, atlas.abandoned) == (1, 1, 0)


async def test_a_stream_is_whole(atlas, client):
    got, error = await stream(client, stream_options={"include_usage": True})
    assert error is None
    scanner = ChatScanner()
    scanner.feed(got)
    assert scanner.end() is End.COMPLETE
    assert scanner.usage == (len(atlas.requests[0].body) // 4, 5)


async def test_requests_are_kept_for_the_test_to_see(atlas, client):
    await client.post(CHAT, json=request(tools=[{}]), headers={"X-Seen": "yes"})
    await stream(client)
    first, second = atlas.requests
    assert (first.n, first.model, first.stream, first.tools) == (1, "m-1", False, True)
    assert first.headers["x-seen"] == "yes"
    assert json.loads(first.body)["model"] == "m-1"
    assert (second.n, second.stream, second.tools) == (2, True, False)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"stream_options": 5}'])
async def test_odd_requests_are_answered_too(atlas, client, body):
    assert (await client.post(CHAT, content=body)).status_code == 200


async def test_a_failure_has_status_headers_and_body(atlas, client):
    atlas.behaviour = fail(429, headers={"retry-after": "2"})
    refused = await client.post(CHAT, json=request(stream=True))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.json()["error"]["message"] == "simulated 429"
    atlas.behaviour = fail(529, "plain words")
    refused = await client.post(CHAT, json=request())
    assert (refused.status_code, refused.text) == (529, "plain words")


async def test_only_requests_with_tools_fail(atlas, client):
    atlas.behaviour = Behaviour(kind=Kind.FAIL, only_tools=True)
    assert (await client.post(CHAT, json=request())).status_code == 200
    assert (await client.post(CHAT, json=request(tools=[{}]))).status_code == 500


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_reset_comes_before_any_answer(atlas, client, streamed):
    atlas.behaviour = Behaviour(kind=Kind.RESET)
    with pytest.raises(httpx2.ReadError):
        await client.post(CHAT, json=request(stream=streamed))
    assert atlas.attempts == 1


async def test_a_close_before_any_answer_is_no_reset(atlas, client):
    atlas.behaviour = cut(At.HEADERS)
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.post(CHAT, json=request())


@pytest.mark.parametrize(("at", "verdict"), [(At.PREAMBLE, Verdict.HOLD), (At.CONTENT, Verdict.COMMIT)])
@pytest.mark.parametrize("clean", [True, False])
async def test_a_cut_stream_is_truncated(atlas, client, at, verdict, clean):
    atlas.behaviour = cut(at, clean=clean)
    got, error = await stream(client)
    assert (error is None) is clean
    assert end_of(got) == (verdict, End.TRUNCATED)


async def test_a_cut_whole_answer_breaks_in_its_middle(atlas, client):
    atlas.behaviour = cut()
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.post(CHAT, json=request())


@pytest.mark.parametrize(("at", "verdict"), [(At.PREAMBLE, Verdict.ERROR), (At.CONTENT, Verdict.ERROR)])
async def test_an_error_comes_inside_a_stream(atlas, client, at, verdict):
    atlas.behaviour = error_in_200(at, code="rate_limit_exceeded")
    got, error = await stream(client)
    assert error is None
    assert end_of(got)[0] is verdict
    assert (b"atlas" in got.split(b"rate_limit_exceeded")[0].split(b'"content"')[-1]) is False
    assert (b'"content":"atlas"' in got) is (at is At.CONTENT)


@pytest.mark.parametrize(
    ("kind", "body"),
    [(Kind.ERROR, b'{"error":'), (Kind.HTML, b"<!doctype"), (Kind.EMPTY, b""), (Kind.MALFORMED, b'{"id":')],
)
async def test_a_200_can_be_no_answer(atlas, client, kind, body):
    atlas.behaviour = Behaviour(kind=kind)
    response = await client.post(CHAT, json=request())
    assert response.status_code == 200
    assert response.content.startswith(body)
    assert b'"usage"' not in response.content


@pytest.mark.parametrize(
    ("behaviour", "end"),
    [
        (Behaviour(kind=Kind.NO_SENTINEL), (Verdict.COMMIT, End.MISSING_DONE)),
        (Behaviour(kind=Kind.EMPTY), (Verdict.HOLD, End.EMPTY)),
        (Behaviour(kind=Kind.MALFORMED, at=At.PREAMBLE), (Verdict.MALFORMED, End.TRUNCATED)),
        (Behaviour(kind=Kind.HTML), (Verdict.HOLD, End.EMPTY)),
        (Behaviour(kind=Kind.NO_STREAM), (Verdict.HOLD, End.EMPTY)),
    ],
)
async def test_a_stream_can_be_no_stream(atlas, client, behaviour, end):
    atlas.behaviour = behaviour
    got, error = await stream(client)
    assert error is None
    assert end_of(got) == end


@pytest.mark.parametrize("at", list(At))
@pytest.mark.parametrize("streamed", [True, False])
async def test_a_stall_lasts_until_it_is_released(atlas, client, at, streamed):
    atlas.behaviour = stall(at)
    answer = asyncio.create_task(client.post(CHAT, json=request(stream=streamed)))
    await until(lambda: atlas.open, what="the request to arrive")
    assert not answer.done()
    assert atlas.finished == 0
    atlas.release()
    response = await answer
    assert b"word4" in response.content
    await until(lambda: atlas.finished == 1, what="the answer's end")


async def test_a_caller_that_leaves_is_counted(atlas, client):
    atlas.behaviour = stall(At.CONTENT)
    async with client.stream("POST", CHAT, json=request(stream=True)) as response:
        await anext(response.aiter_raw())
    await until(lambda: atlas.abandoned == 1, what="the provider to notice")
    assert (atlas.open, atlas.finished) == (0, 0)


async def test_chunks_keep_their_distance(atlas, client):
    loop = asyncio.get_running_loop()
    atlas.behaviour = healthy(latency_ms=10, first_token_ms=20, interval_ms=10, chunks=4)
    began = loop.time()
    got, _ = await stream(client)
    assert loop.time() - began >= 0.059
    assert end_of(got) == (Verdict.COMMIT, End.COMPLETE)


async def test_a_schedule_overrules_the_behaviour():
    provider = SimulatedProvider("atlas", schedule=repeating([(3600, fail(503))]))
    async with provider, httpx2.AsyncClient(base_url=provider.url, trust_env=False) as client:
        provider.behaviour = healthy()
        assert (await client.post(CHAT, json=request())).status_code == 503


async def test_a_behaviour_can_be_set_from_outside(atlas, client):
    origin = atlas.url.removesuffix("/v1")
    assert (await client.put(f"{origin}/_behaviour", json={"kind": "fail", "status": 418})).status_code == 200
    assert (await client.post(CHAT, json=request())).status_code == 418
    refused = await client.put(f"{origin}/_behaviour", json={"kind": "melt"})
    assert refused.status_code == 400
    assert "melt" in refused.text
    stats = (await client.get(f"{origin}/_stats")).json()
    assert stats["behaviour"]["status"] == 418
    assert (stats["name"], stats["attempts"], stats["finished"], stats["open"]) == ("atlas", 1, 1, 0)


async def test_models_are_listed_and_other_paths_are_not_found(atlas, client):
    listed = (await client.get("/models")).json()
    assert [model["id"] for model in listed["data"]] == ["atlas-large", "atlas-small"]
    assert (await client.get("/nowhere")).status_code == 404


async def test_a_stopped_provider_refuses_and_comes_back_on_its_port():
    atlas, port = SimulatedProvider("atlas"), free_port()  # one that nobody is given meanwhile
    await atlas.start(port)
    async with httpx2.AsyncClient(base_url=atlas.url, trust_env=False) as client:
        await client.post(CHAT, json=request())
        await atlas.stop()
        await until(lambda: not atlas.connected, what="the connections to close")
        with pytest.raises(httpx2.ConnectError):
            await client.post(CHAT, json=request())
        await atlas.start(port)
        assert (await client.post(CHAT, json=request())).status_code == 200
    await atlas.stop()


async def test_connections_are_kept_and_closed_on_request(atlas, client):
    for _ in range(3):
        await client.post(CHAT, json=request())
    assert atlas.connected == 1
    await client.post(CHAT, json=request(), headers={"connection": "close"})
    await until(lambda: atlas.connected == 0, what="the connection to close")


async def test_what_is_no_http_is_hung_up_on(atlas):
    reader, writer = await asyncio.open_connection("127.0.0.1", atlas.port)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(1)
    writer.close()


async def test_a_body_that_asks_first_is_told_to_come(atlas):
    reader, writer = await asyncio.open_connection("127.0.0.1", atlas.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"{}")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()


async def test_the_query_of_a_request_is_kept_apart_from_its_path(atlas, client):
    await client.post(f"{CHAT}?beta=true&q=a%20b", json=request())
    assert (atlas.requests[0].path, atlas.requests[0].query) == ("/v1/chat/completions", "beta=true&q=a%20b")


async def test_a_healthy_answer_has_the_headers_of_its_behaviour(atlas, client):
    atlas.behaviour = Behaviour(headers={"x-ratelimit-limit-requests": "500"})
    for stream in (False, True):
        answer = await client.post(CHAT, json=request(stream=stream))
        assert answer.headers["x-ratelimit-limit-requests"] == "500"
