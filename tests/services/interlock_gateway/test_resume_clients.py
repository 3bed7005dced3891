"""What the official clients see of a stream that broke and was continued: an answer that never broke."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import openai
import pytest
from msgspec.structs import replace

from interlock_domain.words import FailureClass, Outcome, Phase, Result
from interlock_testing.behaviour import At, Behaviour, Kind, cut, error_in_200, stall
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.wire import Json, newest

POLICY = "{streams: {on_break: verify_prefix}}"
STALLS = "{streams: {on_break: verify_prefix}, timeouts: {stall: 1s}}"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}}
ASKED = [{"role": "user", "content": "Say hello"}]
SPEAKS = Behaviour(thinking=2, chunks=3, tool_calls=2)
"""Two thoughts, three words, two calls: 2 + 3 + 5 + 5 pieces."""
See = Callable[[RunningLoop], Awaitable[Json]]


@pytest.fixture
async def twin() -> AsyncIterator[SimulatedProvider]:
    """It says what atlas says, under ids of its own."""
    async with SimulatedProvider("atlas") as provider:
        provider.attempts = 41
        provider.behaviour = SPEAKS
        yield provider


async def of_chat(loop: RunningLoop) -> Json:
    tool = {"type": "function", "function": {"name": "read", "parameters": SCHEMA}}
    async with (
        openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key="any", max_retries=0) as client,
        client.chat.completions.stream(
            model="chat",
            messages=ASKED,  # type: ignore[arg-type]
            tools=[tool],  # type: ignore[list-item]
            stream_options={"include_usage": True},
        ) as stream,
    ):
        seen = [e.chunk.model_dump(warnings=False) async for e in stream if e.type == "chunk"]
        final = await stream.get_final_completion()
    return {"events": seen, "final": final.model_dump(warnings=False)}


async def of_completions(loop: RunningLoop) -> Json:
    async with openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key="any", max_retries=0) as client:
        stream = await client.completions.create(model="chat", prompt="Say hello", stream=True)
        return {"events": [chunk.model_dump(warnings=False) async for chunk in stream]}


async def of_responses(loop: RunningLoop) -> Json:
    tool = {"type": "function", "name": "read", "parameters": SCHEMA, "strict": False}
    async with (
        openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key="any", max_retries=0) as client,
        client.responses.stream(model="chat", input="Say hello", tools=[tool]) as stream,  # type: ignore[list-item]
    ):
        seen = [event.model_dump(warnings=False) async for event in stream]
        final = await stream.get_final_response()
    return {"events": seen, "final": final.model_dump(warnings=False)}


async def of_messages(loop: RunningLoop) -> Json:
    tool = {"name": "read", "input_schema": SCHEMA}
    async with (
        anthropic.AsyncAnthropic(base_url=loop.url, api_key="any", max_retries=0) as client,
        client.messages.stream(
            model="chat",
            max_tokens=100,
            messages=ASKED,  # type: ignore[arg-type]
            tools=[tool],  # type: ignore[list-item]
        ) as stream,
    ):
        seen = [event.model_dump(warnings=False) async for event in stream]
        final = await stream.get_final_message()
    return {"events": seen, "final": final.model_dump(warnings=False)}


SEES: dict[str, See] = {
    "chat": of_chat,
    "completions": of_completions,
    "responses": of_responses,
    "messages": of_messages,
}


def config(api: str, *providers: SimulatedProvider, policy: str = POLICY) -> str:
    urls = [one.root_url if api == "messages" else one.url for one in providers]
    text = declaring(dict(zip(("atlas", "twin"), urls, strict=False)), policy=policy)
    return text.replace("api_key: none", f"api_key: none, apis: [{api}]")


async def unbroken(api: str, atlas: SimulatedProvider) -> Json:
    atlas.behaviour, atlas.attempts = SPEAKS, 0
    async with running(config(api, atlas)) as loop:
        seen = await SEES[api](loop)
    atlas.attempts = 0
    return seen


def without_names(seen: Json) -> Any:
    """A part that began behind the break has the id its own vendor gave it."""
    return json.loads(json.dumps(seen).replace("_42_", "_1_"))


async def resumed(api: str, loop: RunningLoop) -> Json:
    seen = await SEES[api](loop)
    record = await newest(loop)
    assert record.result is Result.ANSWERED
    first, second = record.attempts
    assert (first.target, first.outcome, first.phase) == ("atlas/large", Outcome.FAILED, Phase.CONTENT)
    assert (second.target, second.outcome) == ("twin/large", Outcome.SUCCEEDED)
    assert (record.status, record.reason) == (200, None)
    return seen


PLACES = {"thoughts": 1, "words": 3, "the first call": 7, "between calls": 10, "the second call": 12}


@pytest.mark.parametrize("after", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
async def test_the_client_sees_an_answer_that_never_broke(atlas, twin, api, after):
    whole = await unbroken(api, atlas)
    atlas.behaviour = replace(SPEAKS, kind=Kind.CUT, at=At.CONTENT, after=after, interval_ms=5)
    async with running(config(api, atlas, twin)) as loop:
        seen = await resumed(api, loop)
    assert without_names(seen) == without_names(whole)
    assert "_42_" not in json.dumps(seen["events"][: len(whole["events"]) // 4])


async def test_completions_go_on_too(atlas, twin):
    whole = await unbroken("completions", atlas)
    atlas.behaviour = replace(SPEAKS, kind=Kind.CUT, after=2, interval_ms=5)
    async with running(config("completions", atlas, twin)) as loop:
        assert await resumed("completions", loop) == whole


BREAKS = {
    "clean end": (cut(clean=True), FailureClass.TRUNCATED),
    "error event": (error_in_200(At.CONTENT), FailureClass.SERVER_ERROR),
    "malformed event": (Behaviour(kind=Kind.MALFORMED), FailureClass.MALFORMED),
    "stall": (stall(At.CONTENT), FailureClass.TIMEOUT),
}


@pytest.mark.parametrize(("how", "failure"), BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
async def test_however_it_broke(atlas, twin, api, how, failure):
    whole = await unbroken(api, atlas)
    atlas.behaviour = replace(how, after=4, interval_ms=30, thinking=2, chunks=3, tool_calls=2)
    policy = STALLS if how.kind is Kind.STALL else POLICY
    async with running(config(api, atlas, twin, policy=policy)) as loop:
        seen = await resumed(api, loop)
        record = await newest(loop)
    assert without_names(seen) == without_names(whole)
    assert record.attempts[0].failure is failure


@pytest.mark.parametrize("api", SEES)
async def test_an_answer_that_says_something_else_is_not_shown(atlas, breeze, api):
    atlas.behaviour = replace(SPEAKS, thinking=0, kind=Kind.CUT, after=2, interval_ms=5)
    breeze.behaviour = replace(SPEAKS, thinking=0)
    async with running(config(api, atlas, breeze)) as loop:
        with pytest.raises((openai.APIError, anthropic.APIError), match=r"broke off .*truncated"):
            await SEES[api](loop)
        record = await newest(loop)
    assert breeze.attempts == 1
    assert (record.result, record.reason) == (Result.BROKEN, "truncated")
    first, second = record.attempts
    assert (first.outcome, second.outcome, second.detail) == (Outcome.FAILED, Outcome.ABORTED, "differs")
