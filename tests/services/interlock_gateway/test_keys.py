"""Gateway keys: who may ask, for which pools, and how much at once."""

import asyncio
from hashlib import sha256

import openai
import pytest

from interlock_testing.behaviour import At, stall
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import streamed

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
        again = asyncio.create_task(streamed(one))
        await until(lambda: atlas.attempts == 3, what="the request that has the place now")
        atlas.release()
        assert await again


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
