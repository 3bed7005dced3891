"""Legacy completions as the openai SDK reads them."""

import asyncio
from collections import defaultdict

import openai
import pytest

from interlock_domain.words import Api
from interlock_testing.answers import text
from interlock_testing.behaviour import At, Behaviour, Kind, error_in_200, fail
from interlock_testing.voices.completions import MAX_CHOICES
from tests.libs.interlock_testing.voices.wire import events, parsed, request, wire

PATH = "/v1/completions"


async def test_a_whole_answer_says_who_answered(atlas, client):
    answer = await client.completions.create(model="m-1", prompt="hi")
    assert answer.object == "text_completion"
    assert [(each.text, each.finish_reason) for each in answer.choices] == [(text("atlas", 5), "stop")]
    assert answer.usage.completion_tokens == 5
    assert answer.usage.prompt_tokens == len(atlas.requests[0].body) // 4
    assert atlas.requests[0].api is Api.COMPLETIONS


async def test_a_stream_has_usage_when_it_is_asked_for(client):
    options = {"include_usage": True}
    chunks = [
        chunk
        async for chunk in await client.completions.create(
            model="m-1", prompt="hi", stream=True, stream_options=options
        )
    ]
    *said, end, usage = chunks
    assert "".join(chunk.choices[0].text for chunk in said) == text("atlas", 5)
    assert {chunk.choices[0].finish_reason for chunk in said} == {None}
    assert end.choices[0].finish_reason == "stop"
    assert (usage.choices, usage.usage.completion_tokens) == ([], 5)


async def test_a_stream_is_read_without_asyncio_too(blocking):
    def ask():
        chunks = list(blocking.completions.create(model="m-1", prompt="hi", stream=True))
        return "".join(chunk.choices[0].text for chunk in chunks), chunks[-1].usage

    assert await asyncio.to_thread(ask) == (text("atlas", 5), None)


@pytest.mark.parametrize(
    ("prompt", "n", "choices"), [("hi", 2, 2), (["a", "b"], 1, 2), ([1, 2, 3], 1, 1), ([[1], [2]], 2, 4)]
)
async def test_each_prompt_has_its_choices(client, prompt, n, choices):
    whole = await client.completions.create(model="m-1", prompt=prompt, n=n)
    assert [each.index for each in whole.choices] == list(range(choices))
    assert whole.usage.completion_tokens == 5 * choices
    said: dict[int, str] = defaultdict(str)
    ended = []
    async for chunk in await client.completions.create(model="m-1", prompt=prompt, n=n, stream=True):
        said[chunk.choices[0].index] += chunk.choices[0].text
        ended += [chunk.choices[0].index] if chunk.choices[0].finish_reason else []
    assert said == dict.fromkeys(range(choices), text("atlas", 5))
    assert ended == list(range(choices))


def test_no_request_makes_an_answer_without_bounds():
    _, _, body = parsed(wire(PATH, request(stream=True, prompt=["a"] * 9, n=10**9), Behaviour(chunks=1)))
    assert len(events(body)) == 2 * MAX_CHOICES + 1


async def test_an_error_in_a_stream_is_raised_behind_what_was_said(atlas, client):
    atlas.behaviour = error_in_200(At.CONTENT, code="rate_limit_exceeded")
    stream = await client.completions.create(model="m-1", prompt="hi", stream=True)
    said = [(await anext(stream)).choices[0].text for _ in range(2)]
    with pytest.raises(openai.APIError) as raised:
        await anext(stream)
    assert ("".join(said), raised.value.code) == (text("atlas", 2), "rate_limit_exceeded")


async def test_a_refusal_is_raised(atlas, client):
    atlas.behaviour = fail(503)
    with pytest.raises(openai.InternalServerError, match="simulated 503"):
        await client.completions.create(model="m-1", prompt="hi")


@pytest.mark.parametrize(("kind", "last"), [(Kind.HEALTHY, "[DONE]"), (Kind.NO_SENTINEL, "stop")])
def test_the_sentinel_can_be_missing(kind, last):
    _, _, body = parsed(wire(PATH, request(stream=True, prompt="hi"), Behaviour(kind=kind)))
    _, data = events(body)[-1]
    assert (data if data == "[DONE]" else data["choices"][0]["finish_reason"]) == last
