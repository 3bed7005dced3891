"""Gateway keys: who may ask, for which pools, and how much at once."""

import asyncio
from hashlib import sha256
from typing import Any

import anthropic
import openai
import pytest

from interlock_domain.catalog.key import GatewayKey
from interlock_gateway.admission import Caller
from interlock_testing.behaviour import At, stall
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import DONE, STREAM_HEAD, chunk, pieces, streamed

KEY, OTHER = "il-canary-of-team-a", "il-canary-of-team-b"
WRONG = "il-of-nobody"
POOLS = "{chat: [atlas/large], other: [atlas/large]}"


def keys(*definitions: str) -> str:
    listed = [
        f"  - {{name: team-{n}, sha256: '{sha256(key.encode()).hexdigest()}'{more}}}"
        for n, (key, more) in enumerate(zip((KEY, OTHER), definitions, strict=False))
    ]
    return "\n".join(["keys:", *listed])


def client(loop: RunningLoop, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key=key, max_retries=0)


async def test_without_a_declared_key_everybody_may_ask(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        assert (await loop.chat()).status_code == 200


async def test_a_right_key_answers_and_never_goes_further(atlas):
    async with running(declaring({"atlas": atlas.url}, more=keys(""))) as loop:
        async with client(loop, KEY) as one:
            assert await streamed(one)
        by_header = await loop.http.post(
            "/v1/chat/completions",
            headers={"x-api-key": KEY},
            json={"model": "chat", "messages": [{"role": "user", "content": "hi"}]},
        )
        record = await loop.record(by_header)
    assert by_header.status_code == 200
    assert KEY not in str(record)
    assert not any(KEY in str(asked) for asked in atlas.requests)


async def test_a_missing_and_a_wrong_key_are_refused_in_the_words_of_the_api(atlas):
    async with running(declaring({"atlas": atlas.url}, more=keys(""))) as loop:
        missing = await loop.chat()
        async with client(loop, WRONG) as one:
            with pytest.raises(openai.AuthenticationError) as wrong:
                await streamed(one)
            with pytest.raises(openai.AuthenticationError):
                await one.models.list()
    assert missing.status_code == 401
    assert "You didn't provide an API key" in missing.json()["error"]["message"]
    assert wrong.value.code == "invalid_api_key"
    assert wrong.value.type == "invalid_request_error"
    assert WRONG not in str(wrong.value)
    assert atlas.attempts == 0


VENDORS = {
    "missing": ({}, "x-api-key header is required"),
    "wrong": ({"x-api-key": WRONG}, "invalid x-api-key"),
    "wrong, in the other header": ({"authorization": f"Bearer {WRONG}"}, "invalid x-api-key"),
}


@pytest.mark.parametrize(("headers", "message"), VENDORS.values(), ids=VENDORS)
async def test_the_messages_api_refuses_in_the_vendors_body(atlas, headers, message):
    async with running(declaring({"atlas": atlas.url}, more=keys(""))) as loop:
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            answer = await loop.http.post(path, headers=headers, content=b"{}")
            body = answer.json()
            assert answer.status_code == 401
            assert (body["type"], body["error"]["type"]) == ("error", "authentication_error")
            assert body["error"]["message"] == message
            assert body["request_id"] == answer.headers["request-id"]


async def test_the_anthropic_client_raises_its_own_classes(atlas):
    config = declaring({"atlas": atlas.root_url}, pools=POOLS, more=keys(", pools: [chat]"))
    config = config.replace("api_key: none", "api_key: none, apis: [messages]")
    asked: Any = {"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    async with running(config) as loop:
        async with anthropic.AsyncAnthropic(base_url=loop.url, api_key=WRONG, max_retries=0) as nobody:
            with pytest.raises(anthropic.AuthenticationError) as wrong:
                await nobody.messages.create(model="chat", **asked)
        async with anthropic.AsyncAnthropic(
            base_url=loop.url, api_key=None, auth_token=KEY, max_retries=0
        ) as one:
            with pytest.raises(anthropic.PermissionDeniedError) as other_pool:
                await one.messages.create(model="other", **asked)
            message = await one.messages.create(model="chat", **asked)
    assert wrong.value.type == "authentication_error"
    assert wrong.value.request_id
    assert other_pool.value.type == "permission_error"
    assert message.stop_reason == "end_turn"


PATHS = {
    ("POST", "/v1/chat/completions"): {"messages": []},
    ("POST", "/v1/responses"): {"input": "x"},
    ("POST", "/v1/messages"): {"messages": [], "max_tokens": 5},
    ("POST", "/v1/messages/count_tokens"): {"messages": []},
    ("POST", "/v1/completions"): {"prompt": "x"},
    ("POST", "/v1/embeddings"): {"input": "x"},
    ("GET", "/v1/models"): {},
    ("GET", "/v1/models/chat"): {},
}


@pytest.mark.parametrize(("asked", "fields"), PATHS.items(), ids=[path for _, path in PATHS])
async def test_either_header_carries_the_key_on_every_path_and_a_wrong_one_beside_it_does_no_harm(
    atlas, asked, fields
):
    method, path = asked
    every = "[chat, completions, responses, messages, embeddings]"
    config = declaring({"atlas": atlas.url}, more=keys("")).replace(
        "api_key: none", f"api_key: none, apis: {every}"
    )
    ways = [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"x-api-key": KEY},
        {"authorization": f"Bearer {WRONG}", "x-api-key": KEY},
        {"authorization": f"Bearer {KEY}", "x-api-key": WRONG},
        {"authorization": "Basic eDp5", "x-api-key": KEY},
    ]
    async with running(config) as loop:
        found = [
            (await loop.http.request(method, path, headers=way, json={"model": "chat", **fields})).status_code
            for way in ways
        ]
        nobody = await loop.http.request(method, path, headers={"authorization": f"Bearer {WRONG}"})
    assert found == [200] * len(ways)
    assert nobody.status_code == 401


def test_the_limits_of_a_key_are_shared_by_the_workers_of_one_gateway():
    key = GatewayKey(name="k", sha256="0" * 64, max_in_flight=5, max_rps=3.0)
    one = Caller(key, 2)
    assert [one.enter(0.0) is None for _ in range(4)] == [True, False, False, False]  # 1.5 a second
    assert one.max_in_flight == 3


async def test_a_key_for_some_pools_sees_and_uses_these_alone(atlas):
    config = declaring({"atlas": atlas.url}, pools=POOLS, more=keys(", pools: [chat]", ""))
    async with running(config) as loop, client(loop, KEY) as one, client(loop, OTHER) as all_pools:
        assert [model.id async for model in one.models.list()] == ["chat"]
        assert [model.id async for model in all_pools.models.list()] == ["chat", "other"]
        assert await streamed(one)
        for model in ("other", "atlas/large"):
            with pytest.raises(openai.PermissionDeniedError) as refused:
                await streamed(one, model)
            assert refused.value.code == "model_not_found"
            with pytest.raises(openai.NotFoundError):
                await one.models.retrieve(model)
        assert await streamed(all_pools, "atlas/large")


async def test_a_key_has_so_many_requests_running_and_gets_its_place_back(atlas):
    atlas.behaviour = stall(At.HEADERS)
    config = declaring({"atlas": atlas.url}, more=keys(", max_in_flight: 1", ""))
    async with running(config) as loop, client(loop, KEY) as one, client(loop, OTHER) as other:
        first = asyncio.create_task(streamed(one))
        await until(lambda: atlas.attempts == 1, what="the first request")
        with pytest.raises(openai.RateLimitError) as full:
            await streamed(one)
        assert full.value.code == "concurrency"
        assert full.value.response.headers["retry-after"] == "1"
        second = asyncio.create_task(streamed(other))
        await until(lambda: atlas.attempts == 2, what="the other key's request")
        atlas.release()
        assert await first
        assert await second
        gateway = loop.gateway.service.gateway
        await until(lambda: not gateway.exchanges, what="the gateway to have done with them")
        again = asyncio.create_task(streamed(one))
        await until(lambda: atlas.attempts == 3, what="the request that has the place now")
        atlas.release()
        assert await again


async def test_a_place_is_free_once_the_client_has_its_answer_though_the_upstream_goes_on():
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD + pieces(chunk("hi"), chunk(finish="stop"), DONE))
        await asked.wait()

    async with MisbehavingServer(script) as late:
        config = declaring({"atlas": f"{late.url}/v1"}, more=keys(", max_in_flight: 1"))
        async with running(config) as loop, client(loop, KEY) as one:
            assert [await streamed(one) for _ in range(3)] == ["hi", "hi", "hi"]
            asked.set()


async def test_a_key_asks_so_often_and_is_told_when_it_may_again(atlas):
    config = declaring({"atlas": atlas.url}, more=keys(", max_rps: 0.001"))
    async with running(config) as loop, client(loop, KEY) as one:
        assert await streamed(one)
        with pytest.raises(openai.RateLimitError) as refused:
            await streamed(one)
        assert 990 <= int(refused.value.response.headers["retry-after"]) <= 1000
        assert refused.value.code == "rate_limit_exceeded"


async def test_a_revoked_key_is_refused_from_the_next_snapshot_on(atlas):
    async with running(declaring({"atlas": atlas.url}, more=keys("", ""))) as loop:
        async with client(loop, OTHER) as other, client(loop, KEY) as one:
            assert await streamed(other)
            await loop.apply(declaring({"atlas": atlas.url}, more=keys("")), allow_removal=True)
            await loop.settle()
            with pytest.raises(openai.AuthenticationError):
                await streamed(other)
            assert await streamed(one)
