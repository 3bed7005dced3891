"""`expose_model: pool`: what clients read in `model`, and what the headers tell."""

import json
from typing import Any

import anthropic
import pytest

from interlock_testing.behaviour import fail
from interlock_testing.misbehave import MisbehavingServer
from interlock_testing.running import CHAT, declaring, running
from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.wire import (
    ANSWER,
    DONE,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    connected,
    paced,
    pieces,
    request,
    sdk,
    whole,
)

PATHS: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    "/v1/embeddings": {"input": "hi"},
}
STREAMED = [path for path in PATHS if path != "/v1/embeddings"]


def config(url: str, *, expose: str = "pool", more: str = "") -> str:
    apis = "[chat, completions, responses, embeddings, messages]"
    return (
        f"providers: {{atlas: {{base_url: {url}, api_key: none, apis: {apis}}}}}\n"
        f"pools: {{chat: {{members: [atlas/large], expose_model: {expose}}}}}\n"
        f"targets: {{atlas/large: {{upstream_model: atlas-m}}}}\n{more}"
    )


def base(atlas: SimulatedProvider, path: str) -> str:
    return atlas.root_url if path == "/v1/messages" else atlas.url


def models(value: Any) -> list[str]:
    """Every `model` that an answer or an event has, wherever it stands."""
    if isinstance(value, list):
        return [name for inner in value for name in models(inner)]
    if not isinstance(value, dict):
        return []
    found = [value["model"]] if isinstance(value.get("model"), str) else []
    return found + [name for inner in value.values() for name in models(inner)]


def events(content: bytes) -> list[Any]:
    lines = [line[5:].strip() for line in content.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_whole_answer_shows_the_pool_and_a_header_the_model(atlas, path):
    async with running(config(base(atlas, path))) as loop:
        answer = await loop.http.post(path, json={"model": "chat", **PATHS[path]})
    assert answer.status_code == 200
    assert models(answer.json()) == ["chat"]
    assert answer.headers["x-interlock-model"] == "atlas-m"
    assert answer.headers["x-interlock-target"] == "atlas/large"
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("path", STREAMED)
async def test_every_event_that_names_a_model_shows_the_pool(atlas, path):
    async with running(config(base(atlas, path))) as loop:
        answer = await loop.http.post(path, json={"model": "chat", "stream": True, **PATHS[path]})
    assert answer.status_code == 200
    names = models(events(answer.content))
    assert len(names) >= 1
    assert set(names) == {"chat"}
    assert b"atlas-m" not in answer.content
    assert answer.headers["x-interlock-model"] == "atlas-m"


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_option_the_upstreams_own_name_is_shown_byte_by_byte(atlas, path):
    async with running(config(base(atlas, path), expose="served")) as loop:
        answer = await loop.http.post(path, json={"model": "chat", **PATHS[path]})
        exact = await loop.http.post(path, json={"model": "atlas/large", **PATHS[path]})
    assert set(models(answer.json())) == set(models(exact.json())) == {"atlas-m"}
    assert "x-interlock-model" not in answer.headers


async def test_an_exact_name_shows_the_upstreams_own_whatever_a_pool_shows(atlas):
    async with running(config(atlas.url)) as loop:
        assert (await loop.chat("atlas/large")).json()["model"] == "atlas-m"


async def test_only_that_value_changes():
    body = ANSWER.replace(b'"hi"', b'"say \\"model\\": \\"large-2026-11\\""')
    async with MisbehavingServer(paced(whole(body))) as upstream:
        async with running(config(f"http://127.0.0.1:{upstream.port}/v1")) as loop:
            answer = await loop.chat()
    assert answer.content == body.replace(b'"model": "large-2026-11"', b'"model": "chat"')
    assert answer.headers["x-interlock-model"] == "large-2026-11"


async def test_a_name_that_is_no_header_value_is_told_nowhere():
    body = json.dumps({**json.loads(ANSWER), "model": "große\r\nx: y"}).encode()
    async with MisbehavingServer(paced(whole(body))) as upstream:
        async with running(config(f"http://127.0.0.1:{upstream.port}/v1")) as loop:
            answer = await loop.chat()
    assert answer.json()["model"] == "chat"
    assert {"x-interlock-model", "x"}.isdisjoint(answer.headers)


async def test_a_burst_and_a_cut_in_the_middle_of_an_event_show_the_pool_alike():
    burst = (
        chunk() + b"".join(chunk(f'w{n} "model":"large"') for n in range(40)) + chunk(finish="stop") + DONE
    )
    parts = [burst[:150], burst[150:900], burst[900:1500], burst[1500:]]
    head = STREAM_HEAD.replace(b"transfer-encoding: chunked\r\n", b"connection: close\r\n")
    async with MisbehavingServer(paced(head, *parts)) as upstream:
        async with running(config(f"http://127.0.0.1:{upstream.port}/v1")) as loop:
            answer = await loop.chat(stream=True)
    assert answer.content == burst.replace(b'"model": "large"', b'"model": "chat"')


async def test_a_refusal_of_the_upstream_stays_its_own(atlas):
    told = '{"error":{"message":"bad","model":"atlas-m"},"model":"atlas-m"}'
    atlas.behaviour = fail(400, told)
    async with running(config(atlas.url)) as loop:
        answer = await loop.chat()
    assert (answer.status_code, answer.text) == (400, told)
    assert "x-interlock-model" not in answer.headers


async def test_an_error_inside_a_stream_shows_the_pool_too():
    created = (
        b'event: response.created\ndata: {"type":"response.created","response":{"id":"r","model":"m"}}\n\n'
    )
    delta = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
    script = paced(STREAM_HEAD + pieces(created, delta), pieces(delta))
    async with MisbehavingServer(script) as upstream:
        async with running(config(f"{upstream.url}/v1")) as loop, connected(loop.gateway.port) as client:
            asked = b'{"model":"chat","stream":true,"input":"hi"}'
            await client.send(request(asked, path="/v1/responses", headers={"connection": "close"}))
            got = await client.rest()
    assert b"response.failed" in got
    assert models(events(got)) == ["chat", "chat"]


async def test_a_stream_that_another_target_ends_shows_one_name():
    text = [chunk("one "), chunk("two "), chunk("three", vendor={"model": "large"})]
    broken = paced(STREAM_HEAD + pieces(chunk(), text[0]), pieces(text[1]))
    whole_ = [part.replace(b'"model": "large",', b'"model": "other",') for part in (chunk(), *text)]
    async with (
        MisbehavingServer(broken) as atlas,
        MisbehavingServer(
            paced(STREAM_HEAD + pieces(*whole_, chunk(finish="stop"), DONE) + LAST_CHUNK)
        ) as breeze,
    ):
        urls = {"atlas": f"{atlas.url}/v1", "breeze": f"{breeze.url}/v1"}
        pools = "{chat: {members: [atlas/large, breeze/large], expose_model: pool}}"
        policy = "{streams: {on_break: verify_prefix}}"
        async with running(declaring(urls, pools=pools, policy=policy)) as loop:
            answer = await loop.chat(stream=True)
    assert answer.content.endswith(DONE)
    assert [event["model"] for event in events(answer.content)] == ["chat"] * 5
    assert events(answer.content)[3]["vendor"] == {"model": "large"}


async def test_the_official_clients_read_the_pool(atlas):
    async with running(config(atlas.url)) as loop, sdk(loop) as client:
        answer = await client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "hi"}]
        )
        stream = await client.responses.create(model="chat", input="hi", stream=True)
        shown = {event.response.model async for event in stream if hasattr(event, "response")}
    assert (answer.model, shown) == ("chat", {"chat"})
    async with running(config(atlas.root_url)) as loop:
        async with (
            anthropic.AsyncAnthropic(base_url=loop.url, api_key="k", max_retries=0) as other,
            other.messages.stream(
                model="chat", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            ) as streamed,
        ):
            message = await streamed.get_final_message()
    assert message.model == "chat"
